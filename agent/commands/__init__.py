"""What the commands of the command line do: click above, its work in *_command.py."""
