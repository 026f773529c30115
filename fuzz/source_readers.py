"""Images as people have them: tar files, parquet files, tables, and ImageNet's development kit."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from fuzz.mutate_bytes import BYTES, Mutation
from fuzz.mutate_tar import TAR
from fuzz.reader import Reader, written
from levit_edge.data.imagenet import synsets
from levit_edge.data.locations import read_bytes
from levit_edge.errors import DataError

__all__ = ["SOURCE_READERS"]

NAMES = (*(f"ILSVRC2012_val_{number:08}.JPEG" for number in (1, 2, 3)), "a b/c.jpg")


def table(_bundle: Path) -> Reader:
    """A table of files and classes, and a list of files."""
    from levit_edge.data.sources.names import read_only
    from levit_edge.data.sources.table import read_table

    classes = ("n01440764", "65", "tench, Tinca tinca", "n01751748 1 2 3 4 n01751748 5 6 7 8")
    seeds = ["".join(f"{name}\t{classes[0]}\n" for name in NAMES), "".join(f"{name} {classes[1]}\n" for name in NAMES)]
    seeds.append("file,width,class\n" + "".join(f'"{name}",9,"{classes[2]}"\n' for name in NAMES))
    seeds.append("ImageId,PredictionString\n" + "".join(f"{name[:-5]},{classes[3]}\n" for name in NAMES[:3]))

    def changed_cell(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        lines = data.split(b"\n")
        place = chance.randrange(len(lines))
        tokens = (b"", b"x" * 200_000, b'"', b",", b"\t", b"\r", b"\0", b"\xff", b"65", b"99999999999", b"n00000000")
        names = [each.encode() for each in NAMES]
        lines[place] = chance.choice((b"%s%s", b"%s,%s", b"%s %s")) % (chance.choice(names), chance.choice(tokens))
        return b"\n".join(lines)

    def read(data: bytes, folder: Path) -> None:
        path = written(folder, "table", data)
        with suppress(DataError):
            read_only(path, NAMES, "photos")
        read_table(path).labels(NAMES[:3], "photos", complete=False)

    mutations = (*[changed_cell] * 5, *BYTES)
    return Reader(name="table", seeds=[each.encode() for each in seeds], mutations=mutations, read=read)


def class_table(_bundle: Path) -> Reader:
    """A table of a network's classes, of every kind that `--classes` takes, and labels paired by it."""
    from levit_edge.data.classes import ModelClasses
    from levit_edge.data.pairing import outputs_as_labels, pair_classes

    ids, names = synsets()[:4], ("tench, Tinca tinca", "goldfish", 'it\'s a "shark"', "tiger shark")
    described = list(zip(ids, names, strict=True))
    kinds = {
        "names": "\n".join(names),
        "label and index": "label,index\n" + "".join(f"{name},{place}\n" for place, name in enumerate(names[1:])),
        "index in front": "".join(f"{place}: {name}\n" for place, name in enumerate(names)),
        "Kaggle's": "".join(f"{each} {name}\n" for each, name in described),
        "Caffe's, with indices": "".join(f"{each} {place} {name}\n" for place, (each, name) in enumerate(described)),
        "WordNet ids and indices": "".join(f"{each};{place}\n" for place, each in enumerate(ids)),
        "a Python dict": "{" + ",\n ".join(f"{place}: {name!r}" for place, name in enumerate(names)) + "}\n",
        "Keras's": json.dumps(dict(enumerate(described))),
        "Transformers'": json.dumps(dict(enumerate(names))),
        "torchvision's": json.dumps({name: place for place, name in enumerate(names)}),
        "a list": json.dumps(names),
    }

    def changed_line(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        lines = data.split(b"\n")
        place = chance.randrange(len(lines))
        fields = (b"", b"0", b"3", b"9" * 11, b"-1", b"n01440764", b"n0144076", b"tench", b"'", b'"', b"\\'", b"\xff")
        between = (b" ", b",", b";", b"\t", b": ", b"', '", b"},", b"\0", b"\xe2\x80\xa8")
        lines[place] = chance.choice((b"%s%s%s", b"{%s%s%s", b"'%s'%s'%s'", b"[%s%s%s]", b'"%s"%s"%s",')) % (
            chance.choice(fields), chance.choice(between), chance.choice(fields),
        )  # fmt: skip
        return b"\n".join(lines if chance.random() < 0.8 else chance.sample(lines, len(lines)))

    def read(data: bytes, folder: Path) -> None:
        model = ModelClasses.of(4, None, written(folder, "classes", data))
        for pair, labels in ((pair_classes, names), (pair_classes, ids), (outputs_as_labels, "0123")):
            with suppress(DataError):
                pairing = pair("photos", labels, model)
                if not all(0 <= output < 4 for output in pairing.index.values()) or len(pairing.names) != 4:
                    raise ValueError(f"paired with {pairing}")

    seeds = [each.encode() for each in kinds.values()]
    return Reader(name="class-table", seeds=seeds, mutations=(*[changed_line] * 5, *BYTES), read=read)


def matlab(_bundle: Path) -> Reader:
    """The structures of a small MAT-file, of both orders of bytes; the compressed ones are changed before that."""
    import struct
    import zlib

    from levit_edge.data.sources.matlab import read_structures
    from tests.data.sources.made_up import matlab_file

    fields = ("ILSVRC2012_ID", "WNID", "children")
    entries = [((1.0,), "n01440764", ()), ((2.0,), "n01443537", (1.0, 2.0))]
    seeds = [matlab_file("synsets", fields, entries, compress=False, order=order) for order in "<>"]

    def compressed(mutation: Mutation) -> Mutation:
        def changed(chance: Random, data: bytes, all_seeds: Sequence[bytes]) -> bytes:
            packed = zlib.compress(mutation(chance, data[128:], [each[128:] for each in all_seeds]))
            order = "<" if data[126:128] == b"IM" else ">"
            return data[:128] + struct.pack(f"{order}II", 15, len(packed)) + packed

        return changed

    def read(data: bytes, _folder: Path) -> None:
        read_structures(data, "synsets")

    mutations = (*BYTES * 3, *(compressed(each) for each in BYTES))
    return Reader(name="matlab", seeds=seeds, mutations=mutations, read=read)


def devkit(_bundle: Path) -> Reader:
    """ImageNet's development kit as a tar file."""
    from levit_edge.data.sources.devkit import read_devkit
    from tests.data.sources.made_up import devkit_files, tar_bytes

    files = devkit_files({2: 1000})
    seed = tar_bytes({f"ILSVRC2012_devkit_t12/{name}": content for name, content in files.items()})

    def read(data: bytes, folder: Path) -> None:
        read_devkit(written(folder, "kit.tar", data)).labels(NAMES[:3])

    return Reader(name="devkit", seeds=[seed], mutations=TAR, read=read)


def tar_index(_bundle: Path) -> Reader:
    """Tar files of every layout, and the bytes of each image in them."""
    from levit_edge.data.sources.open import open_source
    from tests.data.sources.made_up import tar_bytes

    content = {name: name.encode() * 50 for name in NAMES[:3]}
    inner = {f"{each}.tar": tar_bytes({f"{each}_1.JPEG": b"x", f"{each}_2.JPEG": b"y"}) for each in synsets()[:2]}
    samples: Mapping[str, bytes] = {"1.jpg": b"x", "1.cls": b"7", "2.png": b"y", "2.json": b'{"label": 3}'}
    deep = {f"val/{'long/' * 30}{number}.jpg": b"z" for number in range(2)}
    seeds = [tar_bytes(each) for each in ({f"v/{each}": b"x" for each in NAMES[:3]}, content, inner, samples)]
    seeds += [tar_bytes(deep, form=form) for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)]

    def read(data: bytes, folder: Path) -> None:
        for image in open_source(written(folder, "x.tar", data)).images:
            read_bytes(image)

    return Reader(name="tar-index", seeds=seeds, mutations=TAR, read=read)


def parquet(_bundle: Path) -> Reader:
    """Parquet files of the Hugging Face hub, and the bytes of each image in them."""
    import pyarrow
    from pyarrow.parquet import write_table

    from levit_edge.data.sources.open import open_source

    seeds = []
    for names, compression in ((None, "none"), (("tench", "goldfish"), "snappy"), (None, "zstd")):
        feature = {"_type": "Value"} if names is None else {"_type": "ClassLabel", "names": names}
        columns = {"image": [{"bytes": b"x" * 9, "path": name} for name in NAMES], "label": [0, 1, 1, 0]}
        metadata = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
        buffer = io.BytesIO()
        made = pyarrow.table(columns).replace_schema_metadata(metadata)
        write_table(made, buffer, row_group_size=3, compression=compression)
        seeds.append(buffer.getvalue())

    def read(data: bytes, folder: Path) -> None:
        for image in open_source(written(folder, "x.parquet", data)).images:
            read_bytes(image)

    return Reader(name="parquet", seeds=seeds, mutations=BYTES, read=read)


SOURCE_READERS: dict[str, Callable[[Path], Reader]] = {
    "table": table,
    "class-table": class_table,
    "matlab": matlab,
    "devkit": devkit,
    "tar-index": tar_index,
    "parquet": parquet,
}
