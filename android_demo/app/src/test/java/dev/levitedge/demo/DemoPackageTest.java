package dev.levitedge.demo;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Set;
import org.junit.Test;

public class DemoPackageTest {
    @Test
    public void aWholePackageIsOpened() throws Exception {
        ExamplePackage example = new ExamplePackage();
        DemoPackage opened = DemoPackage.open(example);
        assertEquals(Arrays.asList("red", "green", "blå"), opened.labels);
        assertArrayEquals(ExamplePackage.GOLDEN_OUTPUT, opened.goldenOutput);
        assertEquals(2, opened.goldenInput.length);
        assertEquals(3 * 16 * 16, opened.goldenInput[1].length);
        assertEquals(0, opened.goldenInput[1][0], 0);
        assertEquals(-2, opened.goldenInput[1][1], 0);
        assertEquals(opened.document.files.get("model.pte").sha256, opened.modelSha256);
    }

    @Test
    public void whatLevitEdgePackedIsOpened() throws Exception {
        File folder = ExamplePackage.ofTheApp();
        DemoPackage opened = DemoPackage.open(new FolderFiles(folder));
        assertEquals(opened.document.classes, opened.labels.size());
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        opened.copyModel(model);
        assertArrayEquals(Files.readAllBytes(new File(folder, "model.pte").toPath()), model.toByteArray());
    }

    @Test
    public void noPackageIsSaid() throws Exception {
        ExamplePackage example = new ExamplePackage();
        example.files.clear();
        assertRefused(example, "The app has no package");
    }

    @Test
    public void missingAndUnknownFilesAreRefused() throws Exception {
        ExamplePackage missing = new ExamplePackage();
        missing.files.remove("NOTICE.txt");
        assertRefused(missing, "The package has the files [golden_input.f32, golden_output.pte.f32, labels.txt, model.pte]");
        ExamplePackage unknown = new ExamplePackage();
        unknown.files.put("model.onnx", new byte[1]);
        assertRefused(unknown, "model.onnx");
    }

    @Test
    public void aFlippedBitOfAnyFileIsSeen() throws Exception {
        for (String name : new ExamplePackage().document.getJSONObject("files").toString().split("\"")) {
            ExamplePackage changed = new ExamplePackage();
            if (changed.files.containsKey(name)) {
                byte[] content = changed.files.get(name);
                content[content.length / 2] ^= 1;
                assertRefused(changed, name + " is damaged or was changed: its SHA-256 is ");
            }
        }
    }

    @Test
    public void anotherSizeIsSeen() throws Exception {
        ExamplePackage longer = new ExamplePackage();
        longer.files.put("model.pte", "a model and more".getBytes(StandardCharsets.UTF_8));
        assertRefused(longer, "model.pte is damaged or was changed: it has more bytes, model.json says 7.");
        ExamplePackage shorter = new ExamplePackage();
        shorter.files.put("labels.txt", new byte[0]);
        assertRefused(shorter, "labels.txt is damaged or was changed: it has only 0 bytes, model.json says 15.");
    }

    @Test
    public void aFileWithoutEndIsGivenUp() throws Exception {
        ExamplePackage example = new ExamplePackage();
        PackageFiles endless = new PackageFiles() {
            @Override
            public InputStream open(String name) throws IOException {
                return name.equals("model.pte") ? new Endless() : example.open(name);
            }

            @Override
            public Set<String> names() {
                return example.names();
            }
        };
        assertRefused(endless, "model.pte is damaged or was changed: it has more bytes, model.json says 7.");
    }

    @Test
    public void aHugeDocumentIsRefused() throws Exception {
        ExamplePackage example = new ExamplePackage();
        byte[] padded = Arrays.copyOf(example.files.get("model.json"), (1 << 20) + 1);
        Arrays.fill(padded, example.files.get("model.json").length, padded.length, (byte) ' ');
        example.files.put("model.json", padded);
        assertRefused(example, "model.json is larger than 1 MiB");
    }

    @Test
    public void linesEndAsInPython() throws Exception {
        for (String labels : new String[] {"a\nb\nc", "a\r\nb\rc\r\n", "a\u2028b\u0085c\u001e", "a\n\nc\n"}) {
            ExamplePackage example = new ExamplePackage();
            example.replace("labels.txt", labels.getBytes(StandardCharsets.UTF_8));
            assertEquals("a", DemoPackage.open(example).labels.get(0));
            assertEquals("c", DemoPackage.open(example).labels.get(2));
        }
    }

    @Test
    public void labelsThatDoNotFitAreRefused() throws Exception {
        ExamplePackage example = new ExamplePackage();
        example.replace("labels.txt", "red\ngreen\n".getBytes(StandardCharsets.UTF_8));
        assertRefused(example, "labels.txt has 2 labels for 3 classes");
        example.replace("labels.txt", new byte[0]);
        assertRefused(example, "labels.txt has 0 labels for 3 classes");
        example.replace("labels.txt", new byte[] {'a', '\n', (byte) 0xc3, '\n', 'c'});
        assertRefused(example, "labels.txt is not UTF-8");
    }

    @Test
    public void goldenNumbersThatAreNotFiniteAreRefused() throws Exception {
        for (float wrong : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            ExamplePackage example = new ExamplePackage();
            example.replace("golden_output.pte.f32", ExamplePackage.bytes(new float[] {0, 0, 0, 0, 0, wrong}));
            assertRefused(example, "golden_output.pte.f32 has numbers that are not finite");
        }
    }

    @Test
    public void aModelThatChangedLaterIsNotCopied() throws Exception {
        ExamplePackage example = new ExamplePackage();
        DemoPackage opened = DemoPackage.open(example);
        example.files.put("model.pte", "b model".getBytes(StandardCharsets.UTF_8));
        assertThrows(PackageException.class, () -> opened.copyModel(new ByteArrayOutputStream()));
    }

    private static void assertRefused(PackageFiles files, String complaint) {
        String message = assertThrows(PackageException.class, () -> DemoPackage.open(files)).getMessage();
        assertTrue(message, message.contains(complaint));
        assertTrue(message, message.contains("levit-edge package"));
    }

    /** Zeros; fails the test when more is read than a limit and a buffer. */
    private static final class Endless extends InputStream {
        private int count;

        @Override
        public int read() {
            assertTrue("the file is read without end", ++count < 1 << 20);
            return 0;
        }
    }
}
