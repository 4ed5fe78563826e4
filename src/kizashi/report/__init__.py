"""What people and programs are shown: terminal, JSON lines and page, all from a HuntResult."""
