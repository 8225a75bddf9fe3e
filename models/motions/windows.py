"""The window of measurements that the network takes, and the classes it knows."""

# Three seconds at ten measurements per second.
STEPS = 30
CHANNELS = ("x", "y", "z", "turn_x", "turn_y", "turn_z")
LABELS = ("standing", "running", "walking", "badminton")
