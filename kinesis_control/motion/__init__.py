"""What goals and words become: reference windows."""
