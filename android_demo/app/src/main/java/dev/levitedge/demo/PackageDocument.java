package dev.levitedge.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a package for Android says of itself in model.json, schema versions 1 and 2: see docs/package-format.md. */
public final class PackageDocument {
    /** The name of the document among the package's files. */
    public static final String FILE = "model.json";
    static final String REMEDY = "Make the package again: levit-edge package BUNDLE --for android, with the version of"
            + " levit-edge that this app belongs to.";

    /** Of packages with a model that computes in float16; those without are of the version before. */
    private static final long SCHEMA_VERSION = 2;
    private static final String MODEL_FILE = "model.pte";
    private static final String GOLDEN_OUTPUT_FILE = "golden_output.pte.f32";
    private static final String FLOAT16_MODEL_FILE = "model-f16.pte";
    private static final String FLOAT16_GOLDEN_OUTPUT_FILE = "golden_output-f16.pte.f32";
    private static final List<String> FILES = Arrays.asList(
            "NOTICE.txt", "golden_input.f32", GOLDEN_OUTPUT_FILE, "labels.txt", MODEL_FILE);
    private static final long MOST_BYTES = 512L << 20;
    private static final int MOST_CLASSES = 1 << 20;
    private static final int MOST_GOLDEN = 64;
    private static final int LEAST_SIDE = 16;
    private static final int MOST_SIDE = 4096;

    /** The size of LeViT: 128S, 128, 192, 256, 384 or demo. */
    public final String name;
    /** The number of logits. */
    public final int classes;
    /** The file with one label a line, in class order. */
    public final String labelsFile;
    /** The side of the square that the model sees, in pixels. */
    public final int imageSize;
    /** The length of the short side before the centre crop, in pixels. */
    public final int resize;
    /** Of red, green and blue in [0, 1]; see {@link Preprocess}. */
    public final float[] mean;
    /** Of red, green and blue in [0, 1]; see {@link Preprocess}. */
    public final float[] std;
    /** (N, 3, imageSize, imageSize), normalised. */
    public final FloatArray goldenInput;
    /** The first model, int8. */
    public final PackedModel model;
    /** The same with float16, for phones that compute in it; null if the package has none. */
    public final PackedModel float16Model;
    /** On how many images it was measured. */
    public final long evaluationSamples;
    /** Every file of the package but this document. */
    public final Map<String, PackedFile> files;

    /** A file of little-endian float32 numbers without a header, the last axis fastest. */
    public static final class FloatArray {
        public final String file;
        public final int[] shape;

        FloatArray(JsonFields fields, int... shape) throws PackageException {
            fields.expectKeys("file", "shape");
            file = fields.text("file");
            if (!Arrays.equals(fields.integers("shape", 1, MOST_CLASSES), toLongs(shape))) {
                throw fields.wrong("shape", Arrays.toString(shape));
            }
            this.shape = shape;
        }

        /** Of one image: all but the first axis. */
        int imageLength() {
            int length = 1;
            for (int i = 1; i < shape.length; i++) {
                length *= shape[i];
            }
            return length;
        }

        long sizeBytes() {
            return 4L * shape[0] * imageLength();
        }

        private static long[] toLongs(int[] values) {
            long[] longs = new long[values.length];
            for (int i = 0; i < values.length; i++) {
                longs[i] = values[i];
            }
            return longs;
        }
    }

    /** The size and SHA-256 that a file must have. */
    public static final class PackedFile {
        public final long sizeBytes;
        /** In lower-case hexadecimal. */
        public final String sha256;

        private PackedFile(JsonFields fields) throws PackageException {
            fields.expectKeys("size_bytes", "sha256");
            sizeBytes = fields.integer("size_bytes", 0, MOST_BYTES);
            sha256 = fields.text("sha256");
            if (!sha256.matches("[0-9a-f]{64}")) {
                throw fields.wrong("sha256", "64 hexadecimal digits");
            }
        }
    }

    /** In percent, drops in percentage points; null where the images had no labels. */
    public static final class Accuracy {
        public final Double top1;
        public final Double top5;
        /** Top-1 of the fp32 model minus {@link #top1}. */
        public final Double dropPt;
        /** Images with the same top-1 class as in fp32. */
        public final Double agreement;
        /** Of the logits. */
        public final Double sqnrDb;

        Accuracy(JsonFields fields) throws PackageException {
            fields.expectKeys("top1", "top5", "drop_pt", "drop_ci95_pt", "agreement", "sqnr_db");
            top1 = fields.numberOrNull("top1", 0, 100);
            top5 = fields.numberOrNull("top5", 0, 100);
            dropPt = fields.numberOrNull("drop_pt", -100, 100);
            if (!fields.isNull("drop_ci95_pt")) {
                fields.numbers("drop_ci95_pt", 2, -100, 100);
            }
            agreement = fields.numberOrNull("agreement", 0, 100);
            sqnrDb = fields.numberOrNull("sqnr_db", -Double.MAX_VALUE, Double.MAX_VALUE);
        }
    }

    /**
     * Reads model.json.
     *
     * @throws PackageException it is not such a document, is of another version, or for something else than Android
     */
    public static PackageDocument parse(byte[] content) throws PackageException {
        return new PackageDocument(JsonFields.parse(content));
    }

    private PackageDocument(JsonFields fields) throws PackageException {
        long version = fields.integer("schema_version", SCHEMA_VERSION - 1, SCHEMA_VERSION);
        fields.expectKeys("schema_version", "levit_edge_version", "purpose", "name", "classes", "labels_file", "input",
                "golden_input", "models", "evaluation", "checkpoint", "calibration", "quantized_utc", "files");
        fields.choice("purpose", "android");
        name = fields.text("name");
        classes = (int) fields.integer("classes", 1, MOST_CLASSES);
        labelsFile = fields.choice("labels_file", "labels.txt");

        JsonFields input = fields.object("input");
        input.expectKeys("image_size", "resize", "interpolation", "crop", "channels", "mean", "std", "layout");
        input.choice("interpolation", "bicubic");
        input.choice("crop", "center");
        input.choice("channels", "RGB");
        input.choice("layout", "NCHW");
        imageSize = (int) input.integer("image_size", LEAST_SIDE, MOST_SIDE);
        resize = (int) input.integer("resize", imageSize, MOST_SIDE);
        mean = toFloats(input.numbers("mean", 3, 0, 1));
        std = toFloats(input.numbers("std", 3, 1e-3, 1));

        JsonFields golden = fields.object("golden_input");
        long[] shape = golden.integers("shape", 1, MOST_CLASSES);
        if (shape.length != 4 || shape[0] > MOST_GOLDEN) {
            throw golden.wrong("shape", "four sides, the first at most " + MOST_GOLDEN);
        }
        goldenInput = new FloatArray(golden, (int) shape[0], 3, imageSize, imageSize);
        golden.choice("file", "golden_input.f32");

        List<JsonFields> models = fields.objects("models");
        if (models.isEmpty() || models.size() > 2) {
            throw fields.wrong("models", "one model, or a second one with float16");
        }
        model = new PackedModel(models.get(0), MODEL_FILE, GOLDEN_OUTPUT_FILE, goldenInput.shape[0], classes,
                PackedModel.INT8, "fp32", PackedModel.FLOAT16);
        float16Model = models.size() == 1 ? null : new PackedModel(models.get(1), FLOAT16_MODEL_FILE,
                FLOAT16_GOLDEN_OUTPUT_FILE, goldenInput.shape[0], classes, PackedModel.FLOAT16);
        if ((version == SCHEMA_VERSION) != (float16Model != null || model.isFloat16())) {
            throw fields.wrong("schema_version", SCHEMA_VERSION + " if a model computes in float16, else "
                    + (SCHEMA_VERSION - 1));
        }

        evaluationSamples = samples(fields.object("evaluation"));
        checkOrigin(fields);
        files = files(fields.object("files"), float16Model != null);
        checkSize(goldenInput);
        for (PackedModel each : models()) {
            checkSize(each.goldenOutput);
        }
    }

    /** One or both. */
    public List<PackedModel> models() {
        return float16Model == null ? Collections.singletonList(model) : Arrays.asList(model, float16Model);
    }

    private static long samples(JsonFields evaluation) throws PackageException {
        evaluation.expectKeys("samples", "labelled", "source", "sha256", "runtimes", "processor", "gate");
        evaluation.flag("labelled");
        evaluation.object("gate").expectKeys("max_drop_pt", "passed", "on", "allow_poor_fp32");
        return evaluation.integer("samples", 0, Integer.MAX_VALUE);
    }

    /** Nothing here is used by the app; a document without it is of another kind. */
    private static void checkOrigin(JsonFields fields) throws PackageException {
        fields.text("levit_edge_version");
        fields.text("quantized_utc");
        fields.object("checkpoint").expectKeys("source", "format", "sha256");
        fields.object("calibration").expectKeys("source", "count", "sha256");
    }

    private static Map<String, PackedFile> files(JsonFields fields, boolean float16) throws PackageException {
        List<String> expected = new ArrayList<>(FILES);
        if (float16) {
            expected.addAll(Arrays.asList(FLOAT16_MODEL_FILE, FLOAT16_GOLDEN_OUTPUT_FILE));
        }
        fields.expectKeys(expected.toArray(new String[0]));
        Map<String, PackedFile> files = new TreeMap<>();
        long total = 0;
        for (String name : new TreeSet<>(fields.keys())) {
            files.put(name, new PackedFile(fields.object(name)));
            total += files.get(name).sizeBytes;
        }
        if (total > MOST_BYTES) {
            throw JsonFields.refusal("the files have " + total + " bytes, expected at most " + MOST_BYTES);
        }
        return Collections.unmodifiableMap(files);
    }

    private void checkSize(FloatArray array) throws PackageException {
        long found = files.get(array.file).sizeBytes;
        if (found != array.sizeBytes()) {
            throw JsonFields.refusal(array.file + " has " + found + " bytes, expected the " + array.sizeBytes()
                    + " of its shape " + Arrays.toString(array.shape));
        }
    }

    private static float[] toFloats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
