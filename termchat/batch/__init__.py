"""Values and ports of a batch: rows of the input, items with an identity, results, the journal. No I/O.

rows            a line of the input as a row
openai_rows     a row of OpenAI's batch format
items           a row with its model and its request, and the digest that identifies it
batch_result    the end of an item, as a line of the output
openai_result   the same in OpenAI's batch format
batch_progress  numbers for people who watch
journal         the port of the journal, which decides what is paid
handed_over     its part about the batches of vendors

The layer lies below engine, providers and store, so that each may use these values.
"""
