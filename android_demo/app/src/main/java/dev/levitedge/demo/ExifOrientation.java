package dev.levitedge.demo;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Which way up a camera was held: EXIF's tag 0x0112 (CIPA DC-008) in JPEG, PNG and WebP files; what AVIF and HEIC say is
 * {@link HeifOrientation}. Android's own ExifInterface would be the way to go, but the API that this app is compiled
 * against in its tests does not have the one that reads streams.
 */
final class ExifOrientation {
    /** As it is. */
    static final int NORMAL = 1;

    /** More of a file's metadata is not read into memory; what says the orientation lies at their beginning. */
    static final int MOST_BYTES = 1 << 20;

    private static final int JPEG_START = 0xffd8;
    private static final int JPEG_FILL = 0xffff;
    private static final int JPEG_SCAN = 0xffda;
    private static final int JPEG_APP1 = 0xffe1;
    private static final int PNG_START = 0x89504e47;
    private static final int PNG_REST = 0x0d0a1a0a;
    private static final int PNG_END = name("IEND");
    private static final int PNG_EXIF = name("eXIf");
    private static final int RIFF = name("RIFF");
    private static final int WEBP = name("WEBP");
    private static final int WEBP_FLAGS = name("VP8X");
    private static final int WEBP_EXIF = name("EXIF");
    private static final int WEBP_HAS_EXIF = 8;
    private static final int FILE_TYPE = name("ftyp");
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};
    private static final int TAG_ORIENTATION = 0x0112;
    private static final int TYPE_SHORT = 3;
    private static final int ENTRY_BYTES = 12;

    private ExifOrientation() {}

    /**
     * Reads a file until it says its orientation, which JPEG, AVIF and HEIC do at the beginning.
     *
     * @return 1 to 8, for {@link Picture#turned}; 1 if the file is of another format, says nothing, or is damaged
     */
    static int of(InputStream file) {
        try {
            DataInputStream in = new DataInputStream(file);
            int start = in.readInt();
            if (start >>> 16 == JPEG_START) {
                return ofJpeg(in, start & 0xffff);
            }
            int second = in.readInt();
            if (start == PNG_START && second == PNG_REST) {
                return ofPng(in);
            }
            if (start == RIFF && in.readInt() == WEBP) {
                return ofWebp(in);
            }
            return second == FILE_TYPE ? HeifOrientation.of(in, start) : NORMAL;
        } catch (IOException
                | BufferUnderflowException
                | IllegalArgumentException
                | IndexOutOfBoundsException
                | NegativeArraySizeException damaged) {
            return NORMAL;
        }
    }

    private static int ofJpeg(DataInputStream in, int firstMarker) throws IOException {
        int marker = firstMarker;
        while (marker >>> 8 == 0xff && marker != JPEG_SCAN) { // or to the end of the file
            if (marker == JPEG_FILL) {
                marker = 0xff00 | in.readUnsignedByte();
                continue;
            }
            byte[] segment = new byte[in.readUnsignedShort() - 2];
            in.readFully(segment);
            if (marker == JPEG_APP1 && startsWithExif(ByteBuffer.wrap(segment))) {
                return orientation(segment);
            }
            marker = in.readUnsignedShort();
        }
        return NORMAL;
    }

    /** PNG's third edition, 11.3.2.5: the chunk stands anywhere, behind the pixels too. */
    private static int ofPng(DataInputStream in) throws IOException {
        while (true) {
            long length = in.readInt() & 0xffffffffL;
            int name = in.readInt();
            if (name == PNG_EXIF) {
                return orientation(read(in, length));
            }
            if (name == PNG_END) {
                return NORMAL;
            }
            skip(in, length + 4); // and its checksum
        }
    }

    /** RFC 9649, 2.7: the first chunk has a bit for EXIF, which comes behind the pixels. */
    private static int ofWebp(DataInputStream in) throws IOException {
        if (in.readInt() != WEBP_FLAGS) {
            return NORMAL;
        }
        long length = Integer.reverseBytes(in.readInt()) & 0xffffffffL;
        if (length < 1 || (in.readByte() & WEBP_HAS_EXIF) == 0) {
            return NORMAL;
        }
        skip(in, length - 1 + length % 2);
        while (true) { // to the end of the file
            int name = in.readInt();
            length = Integer.reverseBytes(in.readInt()) & 0xffffffffL;
            if (name == WEBP_EXIF) {
                return orientation(read(in, length));
            }
            skip(in, length + length % 2);
        }
    }

    /** Four letters as a number, as in chunks and boxes. */
    static int name(String letters) {
        return letters.charAt(0) << 24 | letters.charAt(1) << 16 | letters.charAt(2) << 8 | letters.charAt(3);
    }

    /** The next bytes, or as many of them as are looked at. */
    static byte[] read(DataInputStream in, long length) throws IOException {
        byte[] bytes = new byte[(int) Math.min(length, MOST_BYTES)];
        in.readFully(bytes);
        return bytes;
    }

    /** As InputStream's own, but all of the bytes. */
    static void skip(DataInputStream in, long length) throws IOException {
        long left = length;
        while (left > 0) {
            long skipped = in.skip(left);
            if (skipped <= 0) {
                in.readByte(); // tells the end of the file
                skipped = 1;
            }
            left -= skipped;
        }
    }

    private static boolean startsWithExif(ByteBuffer bytes) {
        return bytes.remaining() >= EXIF.length && bytes.slice().limit(EXIF.length).equals(ByteBuffer.wrap(EXIF));
    }

    /** Of the first directory of a TIFF header, with "Exif" before it or, in PNG and WebP, without. */
    private static int orientation(byte[] exif) {
        ByteBuffer bytes = ByteBuffer.wrap(exif);
        if (startsWithExif(bytes)) {
            bytes.position(EXIF.length);
        }
        ByteBuffer tiff = bytes.slice();
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
