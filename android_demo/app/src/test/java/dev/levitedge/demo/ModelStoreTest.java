package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class ModelStoreTest {
    @Rule public final TemporaryFolder temporary = new TemporaryFolder();

    private File folder;
    private ModelStore store;
    private ExamplePackage example;

    @Before
    public void makeStore() throws Exception {
        folder = new File(temporary.getRoot(), "models");
        store = new ModelStore(folder);
        example = new ExamplePackage();
    }

    @Test
    public void theModelIsAFileNamedAfterItsHash() throws Exception {
        DemoPackage content = DemoPackage.open(example);
        File file = store.put(content);
        assertEquals(content.modelSha256 + ".pte", file.getName());
        assertArrayEquals(example.files.get("model.pte"), Files.readAllBytes(file.toPath()));
        assertArrayEquals(new String[] {file.getName()}, folder.list());
    }

    @Test
    public void anotherModelReplacesIt() throws Exception {
        store.put(DemoPackage.open(example));
        example.replace("model.pte", "another model".getBytes(StandardCharsets.UTF_8));
        File file = store.put(DemoPackage.open(example));
        assertArrayEquals(new String[] {file.getName()}, folder.list());
    }

    @Test
    public void bothModelsOfAPackageStay() throws Exception {
        DemoPackage content = DemoPackage.open(example.withFloat16());
        File first = store.put(content);
        File second = store.put(content.with(content.document.float16Model));
        assertArrayEquals(example.files.get("model.pte"), Files.readAllBytes(first.toPath()));
        assertArrayEquals(example.files.get("model-f16.pte"), Files.readAllBytes(second.toPath()));
    }

    @Test
    public void aDamagedCopyIsWrittenAgainAndAWholeOneIsNot() throws Exception {
        DemoPackage content = DemoPackage.open(example);
        File file = store.put(content);
        Files.write(file.toPath(), "x model".getBytes(StandardCharsets.UTF_8));
        store.put(content);
        assertArrayEquals(example.files.get("model.pte"), Files.readAllBytes(file.toPath()));
        assertEquals(true, file.setLastModified(86_400_000));
        store.put(content);
        assertEquals(86_400_000, file.lastModified());
    }

    @Test
    public void aFileThatChangedSinceItWasCheckedIsNotStored() throws Exception {
        DemoPackage content = DemoPackage.open(example);
        example.files.put("model.pte", "x model".getBytes(StandardCharsets.UTF_8));
        assertThrows(PackageException.class, () -> store.put(content));
        assertEquals(false, new File(folder, content.modelSha256 + ".pte").exists());
    }

    @Test
    public void aFolderThatCannotBeMadeIsAnError() throws Exception {
        DemoPackage content = DemoPackage.open(example);
        assertEquals(true, folder.createNewFile());
        assertThrows(IOException.class, () -> store.put(content));
    }
}
