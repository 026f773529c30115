"""Images in a folder, each a file: class folders, or images alone, with what lies beside ImageNet's."""

from pathlib import Path

from levit_edge.data.imagefolder import decoded_name, list_image_folder
from levit_edge.data.sources.found import Found, Labels, folder_kind

__all__ = ["find_in_folder"]


def find_in_folder(source: str, folder: Path) -> Found:
    """The images in `folder`; see `levit_edge.data.imagefolder.list_image_folder` for which they are.

    Raises:
        DataError: there are none, or images beside class folders.
    """
    arrangement = list_image_folder(folder)
    labels, names = None, tuple(map(decoded_name, arrangement.images))
    if arrangement.folders is not None:
        classes = tuple(map(decoded_name, arrangement.folders))
        labels = Labels(
            kind=folder_kind(classes),
            of_images=tuple(name.partition("/")[0] for name in names),
            classes=classes,
            told_by="its class folders",
        )
    return Found(
        source=source,
        layout="a folder" if labels is None else "class folders",
        images=tuple(folder / name for name in arrangement.images),
        names=names,
        labels=labels,
        passed_over=arrangement.passed_over,
    )
