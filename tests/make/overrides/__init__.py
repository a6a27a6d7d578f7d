"""What random configs of a type need so that transformers can build them, by the module of its blueprint."""
