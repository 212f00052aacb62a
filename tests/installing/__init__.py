"""From a bare Debian to a first drive erased: what the pages say, typed in a clean root under a real systemd."""
