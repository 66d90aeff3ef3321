package podwright.runner;

import java.io.Serializable;
import java.util.Map;

/**
 * A value written like a step, such as {@code usernamePassword(credentialsId: 'x', ...)}; no flow node.
 *
 * @param name the symbol
 * @param arguments named arguments
 */
record Symbol(String name, Map<String, Object> arguments) implements Serializable {

  /** Returns an argument that must be there. */
  String required(String key) {
    Object value = arguments.get(key);
    if (value == null) {
      throw new IllegalArgumentException(name + " needs " + key + ".");
    }
    return value.toString();
  }

  /** Returns an argument, or null. */
  String optional(String key) {
    Object value = arguments.get(key);
    return value == null ? null : value.toString();
  }
}
