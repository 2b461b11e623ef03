"""Persona vectors in other people's formats: the published `.pt`, GGUF control vectors, and
dictionaries of layers. Conversion is exact; what a format cannot hold is said, never guessed."""
