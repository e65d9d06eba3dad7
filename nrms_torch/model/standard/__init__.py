"""The standard variant: what ranks best. It starts at a cosine and learns from there."""
