package dev.levitedge.demo;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.json.JSONException;
import org.json.JSONObject;

/** Where a benchmark's one document goes: a file that appears when it is whole, with the asker's nonce in it. */
public final class BenchmarkReply {
    static final int SCHEMA_VERSION = 1;
    private static final int LONGEST_ERROR = 1000;

    public final String nonce;
    private final File file;

    /**
     * For a file in {@code folder}.
     *
     * @param output the name of the file: letters, digits, points, hyphens and underscores, and .json at its end
     * @param nonce 32 hexadecimal digits in lower case
     * @throws IllegalArgumentException one of them is not so: there is nowhere to answer
     */
    public BenchmarkReply(File folder, String output, String nonce) {
        if (output == null || !output.matches("[A-Za-z0-9_-][A-Za-z0-9._-]{0,94}\\.json")) {
            throw new IllegalArgumentException("output is " + output + ", expected the plain name of a .json file");
        }
        if (nonce == null || !nonce.matches("[0-9a-f]{32}")) {
            throw new IllegalArgumentException("nonce is " + nonce + ", expected 32 hexadecimal digits");
        }
        this.file = new File(folder, output);
        this.nonce = nonce;
    }

    /** Writes the document to a file of another name, which then gets its own: nobody reads half of it. */
    void write(JSONObject document) throws IOException {
        File partial = new File(file.getPath() + ".partial");
        try (FileOutputStream out = new FileOutputStream(partial)) {
            out.write(document.toString().getBytes(StandardCharsets.UTF_8));
            out.getFD().sync();
        }
        if (!partial.renameTo(file)) {
            throw new IOException(partial + " cannot be renamed to " + file.getName());
        }
    }

    /** Writes why there is no benchmark. */
    void writeFailure(Throwable cause) throws IOException {
        String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        if (!(cause instanceof PackageException || cause instanceof IllegalArgumentException)) {
            message = cause.toString(); // with the kind of error
        }
        try {
            write(new JSONObject().put("schema_version", SCHEMA_VERSION).put("nonce", nonce).put("error",
                    message.substring(0, Math.min(message.length(), LONGEST_ERROR))));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible); // only keys that are null and numbers that are not finite
        }
    }
}
