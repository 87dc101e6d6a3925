"""Attachments: mentions, kinds, index, images."""
