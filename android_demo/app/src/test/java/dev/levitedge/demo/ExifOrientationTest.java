package dev.levitedge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;

import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.Test;

public class ExifOrientationTest {
    /** The beginning of a JPEG by Pillow, with JFIF's segment before EXIF's; its orientation is 6. */
    private static final String PILLOW = "ffd8ffe000104a46494600010100000100010000ffe100344578696600004d4d002a00000008"
            + "0002010f00020000000600000026011200030000000100060000000000004d616b657200";

    @Test
    public void itIsReadFromAJpegOfPillow() {
        assertEquals(6, of(bytes(PILLOW)));
        assertEquals(8, of(bytes(PILLOW.replace("00010006", "00010008"))));
    }

    @Test
    public void bothOrdersOfBytesAreRead() {
        for (int orientation = 1; orientation <= 8; orientation++) {
            assertEquals(orientation, of(jpeg(ByteOrder.LITTLE_ENDIAN, orientation)));
            assertEquals(orientation, of(jpeg(ByteOrder.BIG_ENDIAN, orientation)));
        }
    }

    @Test
    public void whatCannotBeIsNormal() {
        for (int orientation : new int[] {0, 9, -1}) {
            assertEquals(1, of(jpeg(ByteOrder.BIG_ENDIAN, orientation)));
        }
        assertEquals("no JPEG", 1, of(bytes("89504e470d0a1a0a")));
        assertEquals("no EXIF", 1, of(bytes("ffd8ffda0002")));
    }

    @Test
    public void damagedFilesAreNormal() {
        byte[] whole = jpeg(ByteOrder.LITTLE_ENDIAN, 6);
        for (int length = 0; length < whole.length; length++) {
            assertEquals(1, of(Arrays.copyOf(whole, length)));
        }
        int harmless = 0;
        for (int at = 0; at < whole.length; at++) {
            for (byte value : new byte[] {0, 1, 127, -1}) {
                byte[] changed = whole.clone();
                changed[at] = value;
                int found = of(changed); // never an exception
                assertNotEquals(0, found);
                harmless += found == 6 ? 1 : 0;
            }
        }
        assertNotEquals(0, harmless);
    }

    /** One EXIF segment with one tag, and the start of a scan. */
    private static byte[] jpeg(ByteOrder order, int orientation) {
        ByteBuffer tiff = ByteBuffer.allocate(22).order(order);
        tiff.putShort((short) (order == ByteOrder.LITTLE_ENDIAN ? 0x4949 : 0x4d4d)).putShort((short) 42).putInt(8);
        tiff.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
        ByteBuffer file = ByteBuffer.allocate(34);
        file.putShort((short) 0xffd8).putShort((short) 0xffe1).putShort((short) (2 + 6 + 22));
        file.put(new byte[] {'E', 'x', 'i', 'f', 0, 0}).put(tiff.array());
        return file.array();
    }

    private static int of(byte[] content) {
        return ExifOrientation.of(new ByteArrayInputStream(content));
    }

    private static byte[] bytes(String hexadecimal) {
        byte[] bytes = new byte[hexadecimal.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(hexadecimal.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
