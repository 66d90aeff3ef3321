package podwright.runner;

import groovy.lang.GString;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Conversions of values that cross the border between the pipeline and the runner. */
final class Values {
  private Values() {
  }

  /** Turns GStrings into Strings, at any depth, as Jenkins does with arguments of steps. */
  static Object flatten(Object value) {
    if (value instanceof GString) {
      return value.toString();
    }
    if (value instanceof List<?> list) {
      List<Object> result = new ArrayList<>();
      list.forEach(item -> result.add(flatten(item)));
      return result;
    }
    if (value instanceof Map<?, ?> map) {
      Map<String, Object> result = new LinkedHashMap<>();
      map.forEach((key, item) -> result.put(String.valueOf(key), flatten(item)));
      return result;
    }
    return value;
  }

  /** Returns a value that can be written as JSON. */
  static Object portable(Object value) {
    Object flat = flatten(value);
    boolean plain = flat == null || flat instanceof String || flat instanceof Number
        || flat instanceof Boolean || flat instanceof Map || flat instanceof List;
    return plain ? flat : flat.toString();
  }
}
