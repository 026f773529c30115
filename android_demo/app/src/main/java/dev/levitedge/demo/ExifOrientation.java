package dev.levitedge.demo;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Which way up a camera was held: EXIF's tag 0x0112 (CIPA DC-008) in a JPEG file. Android's own ExifInterface would be the
 * way to go, but the API that this app is compiled against in its tests does not have the one that reads streams.
 */
final class ExifOrientation {
    /** As it is. */
    static final int NORMAL = 1;

    private static final int START_OF_IMAGE = 0xffd8;
    private static final int START_OF_SCAN = 0xffda;
    private static final int APP1 = 0xffe1;
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final int TAG_ORIENTATION = 0x0112;
    private static final int TYPE_SHORT = 3;
    private static final int ENTRY_BYTES = 12;

    private ExifOrientation() {}

    /**
     * Reads the beginning of a file.
     *
     * @return 1 to 8, for {@link Picture#turned}; 1 if the file is no JPEG, says nothing, or is damaged
     */
    static int of(InputStream file) {
        try {
            DataInputStream in = new DataInputStream(file);
            if (in.readUnsignedShort() != START_OF_IMAGE) {
                return NORMAL;
            }
            while (true) { // ends at the image data or at the end of the file
                int marker = in.readUnsignedShort();
                if (marker >>> 8 != 0xff || marker == START_OF_SCAN) {
                    return NORMAL;
                }
                byte[] segment = new byte[in.readUnsignedShort() - 2];
                in.readFully(segment);
                if (marker == APP1 && startsWithExif(segment)) {
                    return orientation(ByteBuffer.wrap(segment, EXIF.length, segment.length - EXIF.length).slice());
                }
            }
        } catch (IOException | BufferUnderflowException | IllegalArgumentException | NegativeArraySizeException damaged) {
            return NORMAL;
        }
    }

    private static boolean startsWithExif(byte[] segment) {
        for (int i = 0; i < EXIF.length; i++) {
            if (segment.length <= i || segment[i] != EXIF[i]) {
                return false;
            }
        }
        return true;
    }

    /** Of the first directory of a TIFF header. */
    private static int orientation(ByteBuffer tiff) {
        tiff.order(tiff.getShort() == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        tiff.position(4);
        int directory = tiff.getInt();
        tiff.position(directory);
        int entries = tiff.getShort() & 0xffff;
        for (int i = 0; i < entries; i++) {
            tiff.position(directory + 2 + i * ENTRY_BYTES);
            if ((tiff.getShort() & 0xffff) == TAG_ORIENTATION && tiff.getShort() == TYPE_SHORT && tiff.getInt() == 1) {
                int value = tiff.getShort();
                return value >= NORMAL && value <= 8 ? value : NORMAL;
            }
        }
        return NORMAL;
    }
}
