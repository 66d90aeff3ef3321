package podwright.runner;

import groovy.lang.GroovyObject;
import groovy.lang.GroovyObjectSupport;
import groovy.lang.MissingMethodException;
import groovy.lang.MissingPropertyException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Delegate of a block of a declarative pipeline: records what the block says. */
public final class Section extends GroovyObjectSupport implements GroovyObject, Serializable {
  private static final long serialVersionUID = 1L;

  /** Directives of each block; what is missing here fails loudly, as an unknown method. */
  private static final Map<String, String> DIRECTIVES = Map.of(
      "pipeline", "agent environment options parameters triggers stages post libraries",
      "stages", "stage",
      "parallel", "stage",
      "stage", "agent environment options when steps stages parallel post failFast",
      "agent", "kubernetes label node",
      "kubernetes", "yaml defaultContainer cloud inheritFrom namespace retries showRawYaml",
      "when", "expression branch environment not allOf anyOf beforeAgent",
      "options", "timeout retry skipDefaultCheckout timestamps disableConcurrentBuilds "
          + "buildDiscarder ansiColor parallelsAlwaysFailFast durabilityHint",
      "parameters", "string booleanParam choice",
      "post", "always success failure unstable aborted unsuccessful cleanup changed fixed");

  private final String kind;
  private final Set<String> known;
  private final List<Map<String, Object>> calls = new ArrayList<>();
  private final Map<String, Object> assigned = new LinkedHashMap<>();

  public Section(String kind) {
    this.kind = kind;
    this.known = new LinkedHashSet<>(Arrays.asList(
        DIRECTIVES.getOrDefault(kind, "").split(" ")));
  }

  @Override
  public Object invokeMethod(String name, Object args) {
    Object[] list = args instanceof Object[] array ? array : new Object[] {args};
    if (kind.equals("environment") && name.equals("credentials")) {
      return new Symbol("credentials", new LinkedHashMap<>(Map.of("id", list[0].toString())));
    }
    if (!known.contains(name)) {
      throw new MissingMethodException(name, Section.class, list);
    }
    Map<String, Object> call = new LinkedHashMap<>();
    call.put("name", name);
    call.put("args", new ArrayList<>(Arrays.asList(list)));
    calls.add(call);
    return null;
  }

  @Override
  public Object getProperty(String name) {
    if (assigned.containsKey(name)) {
      return assigned.get(name);
    }
    if (name.equals("any") || name.equals("none")) {
      return name;
    }
    throw new MissingPropertyException(name, Section.class);
  }

  @Override
  public void setProperty(String name, Object value) {
    if (!kind.equals("environment")) {
      throw new MissingPropertyException(name, Section.class);
    }
    assigned.put(name, value);
  }

  /** Returns the variables that the block has set. */
  public Map<String, Object> assigned() {
    return assigned;
  }

  /** Returns all that was said, in order: maps of name and args. */
  public List<Map<String, Object>> calls() {
    return calls;
  }

  /** Returns the last argument of a directive, or null when the block does not have it. */
  public Object last(String name) {
    Object found = null;
    for (Map<String, Object> call : calls) {
      if (call.get("name").equals(name)) {
        List<?> args = (List<?>) call.get("args");
        found = args.isEmpty() ? Boolean.TRUE : args.get(args.size() - 1);
      }
    }
    return found;
  }

  /** Returns the result of the build so far, for post conditions. */
  public static String currentResult() {
    String result = Build.current().result();
    return result == null ? "SUCCESS" : result;
  }

  /** Makes the result of the build worse, as a failed stage does. */
  public static void worsen(String result) {
    Build.current().worsen(result);
  }

  /** Returns whether there is something to check out. */
  public static boolean hasScm() {
    return Build.current().options().scm != null;
  }

  /** Returns the type of a credential, as {@code credentials('id')} needs it. */
  public static String credentialType(String id) throws java.io.IOException {
    return Build.current().credentials().type(id);
  }

  /** Returns the id in a value that {@code credentials('id')} made, else null. */
  public static String credentialId(Object value) {
    boolean credential = value instanceof Symbol symbol && symbol.name().equals("credentials");
    return credential ? ((Symbol) value).required("id") : null;
  }
}
