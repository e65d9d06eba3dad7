"""Late features: what everybody clicks now, known at the moment of an impression."""
