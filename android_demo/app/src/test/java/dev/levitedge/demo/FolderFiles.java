package dev.levitedge.demo;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** A package unpacked into a folder. */
final class FolderFiles implements PackageFiles {
    private final File folder;

    FolderFiles(File folder) {
        this.folder = folder;
    }

    @Override
    public InputStream open(String name) throws IOException {
        return new FileInputStream(new File(folder, name));
    }

    @Override
    public Set<String> names() {
        return new HashSet<>(Arrays.asList(folder.list()));
    }
}
