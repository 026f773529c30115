package dev.levitedge.demo;

import java.io.IOException;
import java.io.InputStream;
import java.util.Set;

/** Where the files of a package lie: the app's assets, or a folder. */
public interface PackageFiles {
    /** Opens one file for reading; the caller closes it. */
    InputStream open(String name) throws IOException;

    /** The names of all files, model.json among them. */
    Set<String> names() throws IOException;
}
