"""Other quantizers, one file each, on the network and the images that levit-edge used."""
