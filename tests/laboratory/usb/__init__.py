"""USB devices on the host, plugged into the guest's own host controller through QEMU's usb-redir."""
