package dev.levitedge.demo;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** What a package for Android says of itself in model.json, schema version 1: see docs/package-format.md. */
public final class PackageDocument {
    /** The name of the document among the package's files. */
    public static final String FILE = "model.json";
    static final String REMEDY = "Make the package again: levit-edge package BUNDLE --for android, with the version of"
            + " levit-edge that this app belongs to.";

    private static final long SCHEMA_VERSION = 1;
    private static final String GOLDEN_OUTPUT_FILE = "golden_output.pte.f32";
    private static final String[] FILES = {
        "NOTICE.txt", "golden_input.f32", GOLDEN_OUTPUT_FILE, "labels.txt", "model.pte"
    };
    private static final long MOST_BYTES = 512L << 20;
    private static final int MOST_CLASSES = 1 << 20;
    private static final int MOST_GOLDEN = 64;
    private static final int LEAST_SIDE = 16;
    private static final int MOST_SIDE = 4096;
    private static final double HIGHEST_SQNR_DB = 200;

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
    /** The file that ExecuTorch loads. */
    public final String modelFile;
    /** int8; or fp32, which levit-edge sends to be timed beside it. */
    public final String precision;
    /** The version of ExecuTorch that wrote it. */
    public final String madeWith;
    /** The oldest version of ExecuTorch that is known to load it. */
    public final String oldestRuntime;
    /** (N, classes): the logits for the golden input where the model was made. */
    public final FloatArray goldenOutput;
    /** How close to them a phone must come; see {@link SelfTest}. */
    public final double leastSqnrDb;
    /** What the model did on the evaluation's images; null if it was not measured. */
    public final Accuracy accuracy;
    /** On how many images it was measured. */
    public final long evaluationSamples;
    /** Every file of the package but this document. */
    public final Map<String, PackedFile> files;

    /** A file of little-endian float32 numbers without a header, the last axis fastest. */
    public static final class FloatArray {
        public final String file;
        public final int[] shape;

        private FloatArray(JsonFields fields, int... shape) throws PackageException {
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

        private Accuracy(JsonFields fields) throws PackageException {
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
        fields.integer("schema_version", SCHEMA_VERSION, SCHEMA_VERSION);
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
        if (models.size() != 1) {
            throw fields.wrong("models", "one model");
        }
        JsonFields model = models.get(0);
        model.expectKeys("file", "runtime", "precision", "made_with", "oldest_runtime", "golden_output",
                "least_sqnr_db", "accuracy");
        modelFile = model.choice("file", "model.pte");
        model.choice("runtime", "executorch");
        precision = model.choice("precision", "int8", "fp32");
        madeWith = model.text("made_with");
        JsonFields oldest = model.object("oldest_runtime");
        oldest.expectKeys("version", "basis");
        oldest.text("basis");
        oldestRuntime = oldest.text("version");
        goldenOutput = new FloatArray(model.object("golden_output"), goldenInput.shape[0], classes);
        model.object("golden_output").choice("file", GOLDEN_OUTPUT_FILE);
        leastSqnrDb = model.number("least_sqnr_db", Double.MIN_VALUE, HIGHEST_SQNR_DB);
        accuracy = model.isNull("accuracy") ? null : new Accuracy(model.object("accuracy"));

        evaluationSamples = samples(fields.object("evaluation"));
        checkOrigin(fields);
        files = files(fields.object("files"));
        checkSize(goldenInput);
        checkSize(goldenOutput);
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

    private static Map<String, PackedFile> files(JsonFields fields) throws PackageException {
        fields.expectKeys(FILES);
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
