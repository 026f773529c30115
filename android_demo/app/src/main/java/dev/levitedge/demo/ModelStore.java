package dev.levitedge.demo;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashSet;
import java.util.Set;

/** A folder of the app's own with models as files, because ExecuTorch loads by path; other packages' are removed. */
final class ModelStore {
    private static final String SUFFIX = ".pte";

    private final File folder;

    ModelStore(File folder) {
        this.folder = folder;
    }

    /**
     * The file with the model that {@code content} is about, written if it is not there or not whole.
     *
     * @throws PackageException the package's model is not the one of its model.json
     * @throws IOException it cannot be read or written
     */
    File put(DemoPackage content) throws PackageException, IOException {
        File file = new File(folder, content.modelSha256 + SUFFIX);
        if (!folder.isDirectory() && !folder.mkdirs()) {
            throw new IOException(folder + " cannot be made");
        }
        if (!isWhole(file, content.modelSha256)) {
            write(content, file);
        }
        removeOthers(content);
        return file;
    }

    private static void write(DemoPackage content, File file) throws PackageException, IOException {
        File partial = new File(file.getPath() + ".partial");
        try (FileOutputStream out = new FileOutputStream(partial)) {
            content.copyModel(out);
            out.getFD().sync();
        }
        if (!partial.renameTo(file)) {
            throw new IOException(partial + " cannot be renamed to " + file.getName());
        }
    }

    private static boolean isWhole(File file, String sha256) throws IOException {
        if (!file.isFile()) {
            return false;
        }
        try (InputStream in = new FileInputStream(file)) {
            return FileContent.copy(in, new Nowhere(), file.length()).sha256.equals(sha256);
        }
    }

    private void removeOthers(DemoPackage content) {
        Set<String> kept = new HashSet<>();
        for (String sha256 : content.modelSha256s()) {
            kept.add(sha256 + SUFFIX);
        }
        File[] files = folder.listFiles();
        for (File each : files == null ? new File[0] : files) {
            if (!kept.contains(each.getName())) {
                each.delete(); // if it stays, it only takes space; the next start tries again
            }
        }
    }
}
