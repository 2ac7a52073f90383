"""Functions as models, in a file that travels with them (`code_paths`)."""


def shout(texts: list[str]) -> list[str]:
    return [text.upper() for text in texts]


def double(values: list[float]) -> list[float]:
    return [2 * value for value in values]
