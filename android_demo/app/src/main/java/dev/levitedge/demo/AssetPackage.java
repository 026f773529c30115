package dev.levitedge.demo;

import android.content.res.AssetManager;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** The package that was built into the app by {@code levit-edge package --into}. */
final class AssetPackage implements PackageFiles {
    private static final String FOLDER = "package";

    private final AssetManager assets;

    AssetPackage(AssetManager assets) {
        this.assets = assets;
    }

    @Override
    public InputStream open(String name) throws IOException {
        return assets.open(FOLDER + "/" + name, AssetManager.ACCESS_STREAMING);
    }

    @Override
    public Set<String> names() throws IOException {
        return new HashSet<>(Arrays.asList(assets.list(FOLDER)));
    }
}
