package dev.levitedge.demo;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Which way up an AVIF or HEIC picture is: the properties {@code irot} and {@code imir} (ISO/IEC 23008-12, 6.5.10 and
 * 6.5.12) of its primary item. They are part of the format, and EXIF's tag is for information only, so that Pillow takes
 * nothing else either. Android's BitmapFactory gives the pixels as they are stored: its decoders tell the orientation, and
 * only ImageDecoder, newer than this app's oldest Android, asks them.
 */
final class HeifOrientation {
    private static final int META = ExifOrientation.name("meta");
    private static final int PRIMARY_ITEM = ExifOrientation.name("pitm");
    private static final int ITEM_PROPERTIES = ExifOrientation.name("iprp");
    private static final int PROPERTIES = ExifOrientation.name("ipco");
    private static final int ASSOCIATIONS = ExifOrientation.name("ipma");
    private static final int ROTATION = ExifOrientation.name("irot");
    private static final int MIRROR = ExifOrientation.name("imir");

    /** By quarter turns anticlockwise, without a mirror. */
    private static final int[] TURNED = {1, 8, 3, 6};

    /** The same, and then the top and the bottom exchanged. */
    private static final int[] TURNED_UPSIDE_DOWN = {4, 5, 2, 7};

    /** The same as the first, and then left and right exchanged. */
    private static final int[] TURNED_SIDEWAYS = {2, 7, 4, 5};

    private HeifOrientation() {}

    /**
     * Reads a file behind the start of its first box, "ftyp".
     *
     * @return as EXIF's, 1 to 8
     * @throws RuntimeException one of those that {@link ExifOrientation#of} takes for damage
     */
    static int of(DataInputStream in, int firstSize) throws IOException {
        ExifOrientation.skip(in, (firstSize & 0xffffffffL) - 8);
        while (true) { // or to the end of the file
            long length = (in.readInt() & 0xffffffffL) - 8;
            int type = in.readInt();
            if (length == 1 - 8) {
                length = in.readLong() - 16;
            }
            if (length < 0) { // to the end of the file, or damaged
                return ExifOrientation.NORMAL;
            }
            if (type == META) {
                return ofMeta(ByteBuffer.wrap(ExifOrientation.read(in, length)));
            }
            ExifOrientation.skip(in, length);
        }
    }

    private static int ofMeta(ByteBuffer meta) {
        meta.getInt(); // its version
        List<Box> boxes = boxes(meta);
        long primary = primaryItem(first(boxes, PRIMARY_ITEM));
        boxes = boxes(first(boxes, ITEM_PROPERTIES));
        List<Box> properties = boxes(first(boxes, PROPERTIES));
        int turns = 0;
        int[] orientations = TURNED;
        for (int index : propertiesOf(primary, boxes)) {
            Box property = properties.get(index);
            if (property.type == ROTATION) {
                turns = property.content.get(0) & 3;
            } else if (property.type == MIRROR) {
                orientations = (property.content.get(0) & 1) == 0 ? TURNED_UPSIDE_DOWN : TURNED_SIDEWAYS;
            }
        }
        return orientations[turns];
    }

    private static long primaryItem(ByteBuffer box) {
        return item(box, box.getInt() >>> 24 != 0);
    }

    private static long item(ByteBuffer box, boolean isLong) {
        return isLong ? box.getInt() & 0xffffffffL : box.getShort() & 0xffff;
    }

    /** Where an item's properties stand among all, from 0. */
    private static List<Integer> propertiesOf(long wanted, List<Box> boxes) {
        List<Integer> found = new ArrayList<>();
        for (Box box : boxes) {
            if (box.type == ASSOCIATIONS) {
                addAssociations(box.content, wanted, found);
            }
        }
        return found;
    }

    private static void addAssociations(ByteBuffer box, long wanted, List<Integer> found) {
        int start = box.getInt();
        boolean hasLongItems = start >>> 24 != 0;
        boolean hasLongIndices = (start & 1) != 0;
        long items = box.getInt() & 0xffffffffL;
        for (long i = 0; i < items; i++) {
            long item = item(box, hasLongItems);
            int count = box.get() & 0xff;
            for (int j = 0; j < count; j++) { // the first bit says whether it is essential; 0 is none
                int index = hasLongIndices ? box.getShort() & 0x7fff : box.get() & 0x7f;
                if (item == wanted && index > 0) {
                    found.add(index - 1);
                }
            }
        }
    }

    private static ByteBuffer first(List<Box> boxes, int type) {
        for (Box box : boxes) {
            if (box.type == type) {
                return box.content;
            }
        }
        throw new IllegalArgumentException("no box " + type);
    }

    private static List<Box> boxes(ByteBuffer content) {
        List<Box> boxes = new ArrayList<>();
        while (content.hasRemaining()) {
            int size = content.getInt();
            int type = content.getInt();
            ByteBuffer inside = content.slice();
            inside.limit(size - 8); // refuses what is longer than what there is
            content.position(content.position() + size - 8);
            boxes.add(new Box(type, inside));
        }
        return boxes;
    }

    private static final class Box {
        final int type;
        final ByteBuffer content;

        Box(int type, ByteBuffer content) {
            this.type = type;
            this.content = content;
        }
    }
}
