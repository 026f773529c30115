package dev.levitedge.demo;

/** From a picture to the likeliest classes, with the time of each part. */
public final class Classifier {
    private static final double NANOSECONDS_PER_MS = 1e6;

    private final DemoPackage content;
    private final Model model;
    private final Preprocess preprocess;

    public Classifier(DemoPackage content, Model model) {
        this.content = content;
        this.model = model;
        this.preprocess = new Preprocess(content.document);
    }

    /**
     * Classifies a picture that is the right way up.
     *
     * @throws IllegalArgumentException it is too elongated, see {@link Preprocess#square}
     */
    public Classification run(Picture picture, int count) {
        long start = System.nanoTime();
        byte[] square = preprocess.square(picture);
        float[] input = preprocess.normalised(square);
        long prepared = System.nanoTime();
        float[] logits = model.run(input);
        long done = System.nanoTime();
        int[] classes = Logits.topClasses(logits, count);
        double[] all = Logits.softmax(logits);
        String[] labels = new String[classes.length];
        double[] probabilities = new double[classes.length];
        for (int i = 0; i < classes.length; i++) {
            labels[i] = content.labels.get(classes[i]);
            probabilities[i] = all[classes[i]];
        }
        return new Classification(square, labels, probabilities, (prepared - start) / NANOSECONDS_PER_MS,
                (done - prepared) / NANOSECONDS_PER_MS);
    }

    /** The side of the square that the model sees, in pixels. */
    public int imageSize() {
        return content.document.imageSize;
    }
}
