"""The grammar, the lexicon and the vocabularies of refusals: data only, read by `nlp.compiler`."""
