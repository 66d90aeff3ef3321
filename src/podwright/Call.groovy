package podwright

import com.cloudbees.groovy.cps.NonCPS

/**
 * Reads what a step was called with; nothing here calls a step.
 *
 * A shape that no method takes would end, in the sandbox, in a request to approve
 * GroovyObject.invokeMethod. So every shape is taken, and a wrong one ends in a sentence.
 */
class Call implements Serializable {
  private static final long serialVersionUID = 1L
  private static final List EXPECTED = ['map', 'closure', 'text']

  /**
   * Takes the arguments of a step apart, in whatever order they came.
   *
   * @param given the arguments
   * @param named the parameter that a text without a name means; null for none
   * @return request and body, or a problem: what is wrong, in words
   */
  @NonCPS
  static Map read(Object[] given, String named) {
    Map found = [:]
    for (Object argument : given == null ? [null] : Arrays.asList(given)) {
      String kind = kindOf(argument)
      if (found.containsKey(kind)) {
        return [problem: "got more than one ${kind}"]
      }
      if (!EXPECTED.contains(kind) || kind == 'text' && named == null) {
        return [problem: "got ${kind == 'null' ? kind : 'a ' + kind}"]
      }
      found.put(kind, argument)
    }
    Map request = found.map == null ? [:] : (Map) found.map
    if (found.text != null) {
      if (request.get(named) != null) {
        return [problem: "got ${named} twice, by its name and as a text"]
      }
      request = request + [(named): found.text.toString()]
    }
    return [request: request, body: found.closure]
  }

  /** Returns a sentence for each parameter that a step does not know, as the planner words it. */
  @NonCPS
  static List unknown(String step, Map request) {
    List known = Parameters.of(step)
    List problems = []
    Map own = [:]
    for (Object key : request.keySet()) {
      String name = key.toString()
      if (!known.contains(name) && Parameters.of('buildImage').contains(name)) {
        problems.add(name + ': does nothing here; it is a parameter of buildImage')
      } else {
        own.put(name, true)
      }
    }
    problems.addAll(strangers('', own, known))
    if (request.images instanceof List && Parameters.of(step + '.images') != null) {
      List images = (List) request.images
      for (int i = 0; i < images.size(); i++) {
        if (images.get(i) instanceof Map) {
          Map image = (Map) images.get(i)
          problems.addAll(strangers("images[${i}]: ", image, Parameters.of(step + '.images')))
        }
      }
    }
    return problems
  }

  @NonCPS
  private static List strangers(String where, Map given, List known) {
    List problems = []
    for (Object key : given.keySet()) {
      String name = key.toString()
      if (!known.contains(name)) {
        problems.add("${where}unknown parameter '${name}'${guess(name, known)}".toString())
      }
    }
    return problems
  }

  @NonCPS
  private static String guess(String name, List known) {
    String small = name.toLowerCase()
    for (Object other : known) {
      String near = other.toString().toLowerCase()
      if (small.length() > 2 && (near.contains(small) || small.contains(near))) {
        return "; did you mean '${other}'?"
      }
    }
    return '; known are ' + known.toSorted().join(', ')
  }

  /** Names a value as the author of a pipeline would; never by a class of Java. */
  @NonCPS
  private static String kindOf(Object value) {
    Map kinds = [
      'null': value == null,
      map: value instanceof Map,
      closure: value instanceof Closure,
      text: value instanceof CharSequence,
      list: value instanceof Collection,
      number: value instanceof Number,
      boolean: value instanceof Boolean,
    ]
    for (Object kind : kinds.entrySet()) {
      if (kind.value) {
        return kind.key
      }
    }
    return 'value'
  }
}
