package dev.levitedge.demo;

import java.util.List;

/** A model that is ready to run; one thread at a time. */
public interface Model extends AutoCloseable {
    /**
     * Classifies one image.
     *
     * @param input 3 × imageSize × imageSize numbers, see {@link Preprocess}
     * @return the logits, one for each class
     */
    float[] run(float[] input);

    /** The backends that it runs on, such as XnnpackBackend. */
    List<String> delegates();

    /** Frees its memory. */
    @Override
    void close();
}
