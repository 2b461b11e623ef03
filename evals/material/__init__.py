"""What tasks are made of: desks, talks, forms, system prompts, triggers. Knows no model."""
