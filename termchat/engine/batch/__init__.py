"""Run many independent requests: their budget, their turns, and the workers that send them."""
