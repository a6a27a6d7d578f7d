"""What things are: records, evidence, errors, codecs. Pure: no disk, network, clock or environment."""
