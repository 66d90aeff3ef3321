package podwright.runner;

import groovy.lang.Closure;
import java.io.Serializable;
import java.util.Map;

/**
 * A step that the pipeline has called and now waits for: what a suspended program hands to the engine.
 *
 * @param name the step
 * @param arguments named arguments, GStrings already flattened to Strings
 * @param body the block of a block step, else null
 */
record StepCall(String name, Map<String, Object> arguments, Closure<?> body)
    implements Serializable {
}
