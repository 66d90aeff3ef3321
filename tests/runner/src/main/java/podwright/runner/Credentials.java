package podwright.runner;

import groovy.json.JsonException;
import groovy.json.JsonSlurper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException;

/**
 * The credentials of the build, out of a JSON file.
 *
 * <p>Each entry is an id with a type and its values: {@code usernamePassword} (username, password),
 * {@code string} (secret), {@code file} (content or path, fileName), {@code sshUserPrivateKey}
 * (username, privateKey or path, passphrase).
 */
final class Credentials {
  private static final Map<String, Set<String>> TYPES = Map.of(
      "usernamePassword", Set.of("username", "password"),
      "string", Set.of("secret"),
      "file", Set.of("content", "path", "fileName"),
      "sshUserPrivateKey", Set.of("username", "privateKey", "path", "passphrase"));

  private final Map<String, Map<String, Object>> entries = new LinkedHashMap<>();

  /** What a list of bindings gives to a body. */
  static final class Bound {
    final Map<String, String> variables = new LinkedHashMap<>();
    final List<String> secrets = new ArrayList<>();
    final List<String> masked = new ArrayList<>();
    final List<String> files = new ArrayList<>();
  }

  /** Reads a file of credentials; null means none. */
  static Credentials read(Path file) throws IOException {
    Credentials result = new Credentials();
    if (file == null) {
      return result;
    }
    Object parsed;
    try {
      parsed = new JsonSlurper().parseText(Files.readString(file, StandardCharsets.UTF_8));
    } catch (JsonException | IllegalArgumentException e) {
      throw new PipelineError(file + " is no JSON: " + e.getMessage().split("\n")[0]);
    }
    if (!(parsed instanceof Map<?, ?> map)) {
      throw new PipelineError(file + ": credentials must be an object of ids.");
    }
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      result.entries.put(entry.getKey().toString(), check(file, entry.getKey(), entry.getValue()));
    }
    return result;
  }

  private static Map<String, Object> check(Path file, Object id, Object value) {
    Map<String, Object> fields = value instanceof Map ? Pod.map(value) : Map.of();
    Object type = fields.get("type");
    if (!(type instanceof String) || !TYPES.containsKey(type)) {
      throw new PipelineError(file + ": " + id + " needs a type out of " + TYPES.keySet() + '.');
    }
    for (String key : fields.keySet()) {
      if (!key.equals("type") && !TYPES.get(type).contains(key)) {
        throw new PipelineError(
            file + ": " + id + " has the unknown field " + key + "; known are " + TYPES.get(type)
                + '.');
      }
    }
    return fields;
  }

  /** Gives the values of bindings to variables, writing secret files where a binding wants one. */
  Bound bind(StepRun call, List<Symbol> bindings) throws IOException {
    Bound bound = new Bound();
    for (Symbol binding : bindings) {
      bind(call, binding, bound);
    }
    return bound;
  }

  private void bind(StepRun call, Symbol binding, Bound bound) throws IOException {
    switch (binding.name()) {
      case "usernamePassword" -> {
        Map<String, Object> entry = find(binding, "usernamePassword");
        bound.variables.put(binding.required("usernameVariable"), text(entry, "username"));
        secret(bound, binding.required("passwordVariable"), text(entry, "password"));
      }
      case "usernameColonPassword" -> {
        Map<String, Object> entry = find(binding, "usernamePassword");
        String joined = text(entry, "username") + ':' + text(entry, "password");
        secret(bound, binding.required("variable"), joined);
        bound.secrets.add(text(entry, "password"));
      }
      case "string" ->
          secret(bound, binding.required("variable"), text(find(binding, "string"), "secret"));
      case "file" -> {
        Map<String, Object> entry = find(binding, "file");
        String name = String.valueOf(entry.getOrDefault("fileName", "secret"));
        file(call, bound, binding.required("variable"), name, content(entry, "content"));
      }
      case "sshUserPrivateKey" -> bindKey(call, binding, bound);
      default -> throw new IllegalArgumentException(
          "withCredentials: the runner does not know the binding " + binding.name() + '.');
    }
  }

  private void bindKey(StepRun call, Symbol binding, Bound bound) throws IOException {
    Map<String, Object> entry = find(binding, "sshUserPrivateKey");
    String variable = binding.required("keyFileVariable");
    file(call, bound, variable, "ssh-key-" + variable, content(entry, "privateKey"));
    if (binding.optional("usernameVariable") != null) {
      bound.variables.put(binding.optional("usernameVariable"), text(entry, "username"));
    }
    if (binding.optional("passphraseVariable") != null) {
      secret(bound, binding.optional("passphraseVariable"), text(entry, "passphrase"));
    }
  }

  private Map<String, Object> find(Symbol binding, String type) throws CredentialNotFoundException {
    String id = binding.required("credentialsId");
    Map<String, Object> entry = entries.get(id);
    if (entry == null) {
      throw new CredentialNotFoundException("Could not find credentials entry with ID '" + id + "'");
    }
    if (!type.equals(entry.get("type"))) {
      throw new CredentialNotFoundException("Credentials '" + id + "' is of type '" + entry.get("type")
          + "' where '" + type + "' was expected");
    }
    return entry;
  }

  /** Returns the type of a credential. */
  String type(String id) throws CredentialNotFoundException {
    if (!entries.containsKey(id)) {
      throw new CredentialNotFoundException("Could not find credentials entry with ID '" + id + "'");
    }
    return entries.get(id).get("type").toString();
  }

  private static void secret(Bound bound, String variable, String value) {
    bound.variables.put(variable, value);
    bound.secrets.add(value);
    bound.masked.add(variable);
  }

  private static void file(
      StepRun call, Bound bound, String variable, String name, byte[] content) throws IOException {
    String directory =
        call.agent().workspace() + "@tmp/secretFiles/" + UUID.randomUUID();
    String path = directory + '/' + name;
    call.agent().write(path, content, "0400");
    bound.files.add(directory);
    secret(bound, variable, path);
  }

  private static String text(Map<String, Object> entry, String field) {
    return String.valueOf(entry.getOrDefault(field, ""));
  }

  private static byte[] content(Map<String, Object> entry, String field) throws IOException {
    return entry.containsKey("path") ? Files.readAllBytes(Path.of(text(entry, "path")))
        : text(entry, field).getBytes(StandardCharsets.UTF_8);
  }
}
