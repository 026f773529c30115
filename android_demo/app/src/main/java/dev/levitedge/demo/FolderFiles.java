package dev.levitedge.demo;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** A package unpacked into a folder. */
public final class FolderFiles implements PackageFiles {
    private final File folder;

    public FolderFiles(File folder) {
        this.folder = folder;
    }

    @Override
    public InputStream open(String name) throws IOException {
        return new FileInputStream(new File(folder, name));
    }

    @Override
    public Set<String> names() throws IOException {
        String[] names = folder.list();
        if (names == null) {
            throw new FileNotFoundException(folder + " is not a folder that can be read");
        }
        return new HashSet<>(Arrays.asList(names));
    }
}
