// Named checks: `check` runs one and prints what came of it, `finish` ends the process with it.

let failures = 0

/** Runs `body`; prints `ok <name>` or `failed <name>: <why>`. Returns what `body` returned. */
export async function check(name, body) {
  try {
    const value = await body()
    console.log(`ok ${name}`)
    return value
  } catch (error) {
    failures += 1
    console.log(`failed ${name}: ${String(error?.message ?? error).split("\n").join(" ")}`)
    return undefined
  }
}

/** Exit status 1 when a check failed. */
export function finish() {
  process.exitCode = failures ? 1 : 0
}

export function environment(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
