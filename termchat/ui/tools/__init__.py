"""Tool calls on screen: their state, live rows, cards and questions."""
