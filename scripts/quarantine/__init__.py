"""What replay_quarantine.py is made of: refused rows and files, the record of what was sent, and the sending."""
