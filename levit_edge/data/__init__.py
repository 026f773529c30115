"""Images: the ImageNet protocol, image folders, class lists and the embedded demo."""
