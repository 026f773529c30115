package dev.levitedge.demo;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Reads files that may be larger, or other, than they should be. */
final class FileContent {
    private static final int BUFFER_BYTES = 1 << 16;
    private static final char[] HEXADECIMAL = "0123456789abcdef".toCharArray();

    /** How many bytes there were, at most one buffer more than were asked for. */
    final long sizeBytes;
    /** Of these bytes, in lower-case hexadecimal. */
    final String sha256;

    private FileContent(long sizeBytes, String sha256) {
        this.sizeBytes = sizeBytes;
        this.sha256 = sha256;
    }

    /** Copies {@code in} to {@code out}, and gives up behind {@code most} bytes. */
    static FileContent copy(InputStream in, OutputStream out, long most) throws IOException {
        MessageDigest digest = newSha256();
        byte[] buffer = new byte[BUFFER_BYTES];
        long size = 0;
        for (int count = in.read(buffer); count != -1 && size <= most; count = in.read(buffer)) {
            size += count;
            digest.update(buffer, 0, count);
            out.write(buffer, 0, count);
        }
        return new FileContent(size, hexadecimal(digest.digest()));
    }

    /** The text of UTF-8 bytes; malformed ones are refused, not replaced. */
    static String utf8(byte[] content) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
    }

    private static MessageDigest newSha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible); // every Java and every Android has it
        }
    }

    private static String hexadecimal(byte[] bytes) {
        StringBuilder text = new StringBuilder(2 * bytes.length);
        for (byte each : bytes) {
            text.append(HEXADECIMAL[(each >> 4) & 15]).append(HEXADECIMAL[each & 15]);
        }
        return text.toString();
    }
}
