package dev.levitedge.demo;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** A package whose files are all there, and all the ones that its model.json lists. */
public final class DemoPackage {
    private static final int MOST_DOCUMENT_BYTES = 1 << 20;
    private static final String MODEL_SUFFIX = ".pte";
    /** Where Python's str.splitlines ends a line, which is how levit-edge reads labels. */
    private static final String LINE_END = "\r\n|[\n\r\u000b\u000c\u001c\u001d\u001e\u0085\u2028\u2029]";

    public final PackageDocument document;
    /** The one of its models that this is about: the first, see {@link #with}. */
    public final PackedModel model;
    /** One for each class, in class order. */
    public final List<String> labels;
    /** For each golden image the model's input, 3 × imageSize × imageSize. */
    public final float[][] goldenInput;
    /** For each golden image the logits where the model was made. */
    public final float[][] goldenOutput;
    /** SHA-256 of the model file, in lower-case hexadecimal. */
    public final String modelSha256;

    private final PackageFiles files;
    /** Of each model. */
    private final Map<PackedModel, float[][]> goldenOutputs = new HashMap<>();

    /**
     * Checks the sizes and SHA-256 of all files.
     *
     * @throws PackageException something is missing, damaged, changed or not known
     * @throws IOException a file cannot be read
     */
    public static DemoPackage open(PackageFiles files) throws PackageException, IOException {
        return open(files, check -> {});
    }

    /** The same, and says which checks were passed, each as soon as it was. */
    static DemoPackage open(PackageFiles files, Consumer<Check> passed) throws PackageException, IOException {
        Set<String> names = new TreeSet<>(files.names());
        if (!names.remove(PackageDocument.FILE)) {
            throw new PackageException("The app has no package: there is no " + PackageDocument.FILE
                    + ". Build the app again after: levit-edge package BUNDLE --for android --into android_demo");
        }
        PackageDocument document = PackageDocument.parse(readDocument(files));
        if (!names.equals(document.files.keySet())) {
            throw new PackageException("The package has the files " + names + ", but its model.json lists "
                    + document.files.keySet() + ". " + PackageDocument.REMEDY);
        }
        passed.accept(Check.DOCUMENT);
        return new DemoPackage(files, document, passed);
    }

    private DemoPackage(PackageFiles files, PackageDocument document, Consumer<Check> passed)
            throws PackageException, IOException {
        this.files = files;
        this.document = document;
        Map<String, byte[]> contents = new HashMap<>();
        for (String name : document.files.keySet()) {
            boolean isModel = name.endsWith(MODEL_SUFFIX); // too large for memory
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            copy(name, isModel ? new Nowhere() : content);
            contents.put(name, content.toByteArray());
        }
        passed.accept(Check.FILES);
        model = document.model;
        modelSha256 = sha256(model);
        labels = labels(contents.get(document.labelsFile), document);
        goldenInput = floats(contents.get(document.goldenInput.file), document.goldenInput);
        for (PackedModel each : document.models()) {
            goldenOutputs.put(each, floats(contents.get(each.goldenOutput.file), each.goldenOutput));
        }
        goldenOutput = goldenOutputs.get(model);
        passed.accept(Check.CONTENTS);
    }

    private DemoPackage(DemoPackage checked, PackedModel model) {
        this.files = checked.files;
        this.document = checked.document;
        this.labels = checked.labels;
        this.goldenInput = checked.goldenInput;
        this.goldenOutputs.putAll(checked.goldenOutputs);
        this.model = model;
        this.modelSha256 = sha256(model);
        this.goldenOutput = goldenOutputs.get(model);
    }

    /** The same package, about another one of its models. */
    public DemoPackage with(PackedModel other) {
        return new DemoPackage(this, other);
    }

    /** SHA-256 of all model files. */
    Set<String> modelSha256s() {
        Set<String> all = new TreeSet<>();
        for (PackedModel each : document.models()) {
            all.add(sha256(each));
        }
        return all;
    }

    private String sha256(PackedModel of) {
        return document.files.get(of.file).sha256;
    }

    /**
     * Copies the model file to where ExecuTorch can load it from.
     *
     * @throws PackageException it is not the file of model.json; what was copied is of no use
     * @throws IOException it cannot be read, or not be written
     */
    public void copyModel(OutputStream out) throws PackageException, IOException {
        copy(model.file, out);
    }

    private static byte[] readDocument(PackageFiles files) throws PackageException, IOException {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (InputStream in = files.open(PackageDocument.FILE)) {
            if (FileContent.copy(in, content, MOST_DOCUMENT_BYTES).sizeBytes > MOST_DOCUMENT_BYTES) {
                throw new PackageException("model.json is larger than 1 MiB. " + PackageDocument.REMEDY);
            }
        }
        return content.toByteArray();
    }

    private void copy(String name, OutputStream out) throws PackageException, IOException {
        PackageDocument.PackedFile expected = document.files.get(name);
        FileContent found;
        try (InputStream in = files.open(name)) {
            found = FileContent.copy(in, out, expected.sizeBytes);
        }
        if (found.sizeBytes != expected.sizeBytes) {
            String size = found.sizeBytes > expected.sizeBytes ? "more" : "only " + found.sizeBytes;
            throw new PackageException(String.format(Locale.ROOT, "%s is damaged or was changed: it has %s bytes, model.json"
                    + " says %d. %s", name, size, expected.sizeBytes, PackageDocument.REMEDY));
        }
        if (!found.sha256.equals(expected.sha256)) {
            throw new PackageException(String.format("%s is damaged or was changed: its SHA-256 is %.16s…, model.json says"
                    + " %.16s…. %s", name, found.sha256, expected.sha256, PackageDocument.REMEDY));
        }
    }

    private static List<String> labels(byte[] content, PackageDocument document) throws PackageException {
        List<String> lines;
        try {
            lines = new ArrayList<>(Arrays.asList(FileContent.utf8(content).split(LINE_END, -1)));
        } catch (CharacterCodingException error) {
            throw new PackageException(document.labelsFile + " is not UTF-8. " + PackageDocument.REMEDY, error);
        }
        if (lines.get(lines.size() - 1).isEmpty()) {
            lines.remove(lines.size() - 1); // behind the last line's end
        }
        if (lines.size() != document.classes) {
            throw new PackageException(document.labelsFile + " has " + lines.size() + " labels for " + document.classes
                    + " classes. " + PackageDocument.REMEDY);
        }
        return Collections.unmodifiableList(lines);
    }

    private static float[][] floats(byte[] content, PackageDocument.FloatArray array) throws PackageException {
        float[][] images = new float[array.shape[0]][array.imageLength()];
        ByteBuffer numbers = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        for (float[] image : images) {
            numbers.asFloatBuffer().get(image);
            numbers.position(numbers.position() + 4 * image.length);
            for (float number : image) {
                if (Float.isNaN(number) || Float.isInfinite(number)) {
                    throw new PackageException(array.file + " has numbers that are not finite. " + PackageDocument.REMEDY);
                }
            }
        }
        return images;
    }
}
