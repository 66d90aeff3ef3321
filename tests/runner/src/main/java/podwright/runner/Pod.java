package podwright.runner;

import groovy.json.JsonOutput;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;

/**
 * The pod of a podTemplate.
 *
 * @param label value of POD_LABEL, or the label that the pipeline has set
 * @param definition the manifest as nested maps and lists; never null
 */
record Pod(String label, Map<String, Object> definition) {

  /** Reads the yaml parameter of podTemplate; JSON is YAML. */
  static Pod parse(String label, String yaml) {
    Object loaded;
    try {
      loaded = yaml == null || yaml.isBlank() ? new LinkedHashMap<String, Object>()
          : new Yaml(new SafeConstructor(new LoaderOptions())).load(yaml);
    } catch (MarkedYAMLException e) {
      throw new IllegalArgumentException("podTemplate: the yaml cannot be read: line "
          + (e.getProblemMark().getLine() + 1) + ", column "
          + (e.getProblemMark().getColumn() + 1) + ": " + e.getProblem());
    } catch (YAMLException e) {
      throw new IllegalArgumentException("podTemplate: the yaml cannot be read: " + e.getMessage());
    }
    if (!(loaded instanceof Map)) {
      throw new IllegalArgumentException("podTemplate: the yaml is no mapping.");
    }
    return new Pod(label, map(loaded));
  }

  /** Returns the variables of the pod's containers whose names begin so. */
  Map<String, String> variables(String prefix) {
    Map<String, String> found = new LinkedHashMap<>();
    for (Map<String, Object> container : containers()) {
      for (Map<String, Object> variable : listOfMaps(container.get("env"))) {
        String name = String.valueOf(variable.get("name"));
        if (name.startsWith(prefix) && variable.get("value") != null) {
          found.put(name, variable.get("value").toString());
        }
      }
    }
    return found;
  }

  /** Returns metadata.namespace, which the namespace parameter of podTemplate sets; null if none. */
  String namespace() {
    Object metadata = definition.get("metadata");
    Object namespace = metadata instanceof Map<?, ?> map ? map.get("namespace") : null;
    return namespace == null ? null : namespace.toString();
  }

  /** Returns spec.containers. */
  List<Map<String, Object>> containers() {
    return listOfMaps(spec().get("containers"));
  }

  /** Returns spec.initContainers, native sidecars among them. */
  List<Map<String, Object>> initContainers() {
    return listOfMaps(spec().get("initContainers"));
  }

  Map<String, Object> spec() {
    return map(definition.getOrDefault("spec", new LinkedHashMap<>()));
  }

  /** Returns a copy of the definition that may be changed. */
  Map<String, Object> copy() {
    return map(new groovy.json.JsonSlurper().parseText(JsonOutput.toJson(definition)));
  }

  /** Returns the pod in one line: what is said in the log when it is chosen. */
  String summary() {
    List<String> parts = new ArrayList<>();
    for (Map<String, Object> container : initContainers()) {
      boolean sidecar = "Always".equals(container.get("restartPolicy"));
      parts.add((sidecar ? "sidecar " : "init ") + describe(container));
    }
    for (Map<String, Object> container : containers()) {
      parts.add(describe(container));
    }
    return parts.isEmpty() ? "agent only" : String.join(", ", parts);
  }

  private static String describe(Map<String, Object> container) {
    Object image = container.get("image"); // the plugin fills the agent's in
    return container.get("name") + (image == null ? "" : " (" + image + ")");
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object value) {
    return (Map<String, Object>) value;
  }

  private static List<Map<String, Object>> listOfMaps(Object value) {
    List<Map<String, Object>> result = new ArrayList<>();
    if (value instanceof List<?> list) {
      for (Object item : list) {
        result.add(map(item));
      }
    }
    return result;
  }
}
