"""The Agent Client Protocol over standard input and output: editors chat with the configured models.

    editor_chats       what the agent needs of the program: chats to open, list and close
    message_stream     the streams, and the messages of a client that are valid
    handshake          the first request
    acp_agent          all other requests of a client
    prompt_run         one prompt: its turn, its questions, its end
    prompt_blocks      the content of a prompt as a message
    turn_updates       the events of a turn as updates
    chat_replay        a saved chat as updates
    tool_updates       tool calls and their results as content
    client_questions   questions to the user through the client
    chat_choices       models, efforts and modes as options of a session
    slash_commands     the commands that make sense in an editor
    run_agent          listen until the client has gone

https://agentclientprotocol.com; the package `acp` has the models of its schema.
"""
