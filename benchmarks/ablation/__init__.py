"""What each part of the standard variant is worth: trained without it, and measured."""
