"""Commands about what is sent: attachments, context, budget."""
