package podwright

import com.cloudbees.groovy.cps.NonCPS
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

/** Pure functions on requests and answers; nothing here calls a step. */
class Requests implements Serializable {
  private static final long serialVersionUID = 1L

  private static final Map NEEDED = [
    usernamePassword: 'a username with password',
    string: 'a secret text',
    sshUserPrivateKey: 'an SSH username with private key',
    file: 'a secret file',
  ]
  private static final int LONGEST_LABEL = 100
  private static final String BUILDER = 'podwright.dev/builder'

  /**
   * Makes what is sent to the planner, and finds the credentials that it needs.
   *
   * Each map with a credentialsId below credentials, secrets, ssh or sign, at the top and in each
   * of images, gets a key variable. What is malformed is sent as it is: the planner complains.
   *
   * @return json: the request; bindings: per credential a map of type, credentialsId, variable and
   *   parameter, the one that named it
   */
  @NonCPS
  static Map prepare(Map request) {
    Map copied = (Map) copy(request)
    List bindings = []
    bindSections(copied, bindings)
    if (copied.images instanceof List) {
      for (Object image : (List) copied.images) {
        if (image instanceof Map) {
          bindSections((Map) image, bindings)
        }
      }
    }
    return [json: JsonOutput.toJson(copied), bindings: bindings]
  }

  /**
   * Says which parameter names a credential that Jenkins cannot bind.
   *
   * @param bindings of prepare
   * @param message of CredentialNotFoundException; its two forms, which both quote the id, are
   *   those of MultiBinding.getCredentials in the plugin credentials-binding
   */
  @NonCPS
  static String unbound(List bindings, String message) {
    for (Object one : bindings) {
      String id = "'" + one.credentialsId + "'"
      if (message.contains(id)) {
        return one.parameter + ': ' + (message.startsWith('Could not find')
          ? "there is no credential with the id ${id} that this job may use; correct the id, or "
            + 'create the credential.'
          : "${id} is of type ${typeIn(message)}, and ${NEEDED.get(one.type)} is needed; name "
            + 'another one, or its type.')
      }
    }
    return message
  }

  /** Says why there is no preset for a builder: not one of podwright's, or not allowed. */
  @NonCPS
  static String withoutPreset(String name, String allowed, String known, String owner) {
    if (!known.tokenize(', ').contains(name)) {
      return "builder: unknown builder '${name}'; known are ${allowed}"
    }
    String others = allowed.replaceFirst('^auto, ', '')
    String rule = owner.isEmpty() ? '' : " (builders, ask ${owner})"
    return "builder: '${name}' is not allowed by the organisation${rule}; allowed are ${others}"
  }

  /**
   * Returns those parameters of a request and of its images that a list of Parameters has.
   *
   * @param kind features: what not every builder can fulfil; around: what is done around a build
   */
  @NonCPS
  static List asked(Map request, String kind) {
    List known = Parameters.of(kind)
    List found = []
    List all = [request]
    if (request.images instanceof List) {
      all.addAll((List) request.images)
    }
    for (Object one : all) {
      if (one instanceof Map && known != null) {
        found.addAll(given((Map) one, known))
      }
    }
    return found
  }

  /** Returns which containers of a pod, as JSON, plan and build: without others the agent's. */
  @NonCPS
  static Map roles(String pod) {
    Map made = parse(pod)
    List names = made == null ? ['tools', 'builder'] : (List) made.spec.containers*.name
    return [
      planner: names.contains('tools') ? 'tools' : 'jnlp',
      client: names.contains('builder') ? 'builder' : 'jnlp',
    ]
  }

  /** Returns a pod, as JSON, with a builder for the body: its agent alone may be the builder. */
  @NonCPS
  static String held(String pod) {
    Map made = parse(pod)
    Map annotations = made == null ? null : (Map) made.metadata?.annotations
    if (annotations == null || annotations[BUILDER] == null) {
      return pod
    }
    made.spec.containers.add(parse(annotations[BUILDER].toString()))
    return JsonOutput.toJson(made)
  }

  /** Returns a pod, as JSON, whose container tools has the room of the pod for commands. */
  @NonCPS
  static String roomy(String pod, String commands) {
    Map made = parse(pod)
    List all = made == null || commands == null ? [] : (List) made.spec.containers
    for (Object one : all) {
      if (one.name == 'tools') {
        one.resources = parse(commands).spec.containers.get(0).resources
      }
    }
    return all.isEmpty() ? pod : JsonOutput.toJson(made)
  }

  /** Returns the first builder of a list, as JSON, that can do what is asked. */
  @NonCPS
  static String choice(String choices, List asked, String otherwise) {
    if (choices != null) {
      for (Object one : (List) new JsonSlurper().parseText(choices)) {
        if (one.cannot.intersect(asked).isEmpty()) {
          return one.builder
        }
      }
    }
    return otherwise
  }

  /**
   * Makes the record of a build.
   *
   * @param result a map, or a list of them
   * @return names: of the images, with their digests; file: its name; json: its content
   */
  @NonCPS
  static Map record(Object result) {
    List images = result instanceof List ? (List) result : [result]
    List names = []
    for (Object image : images) {
      names.add(image.reference == null ? image.image : image.reference)
    }
    String first = images.get(0).image.toString().replaceAll('[^A-Za-z0-9.]+', '-')
    Map all = [images: images]
    return [
      names: names.join(', '),
      file: 'podwright-' + first + '.json',
      json: JsonOutput.prettyPrint(JsonOutput.toJson(all)) + '\n',
    ]
  }

  /**
   * Returns what is asked of the command that makes a build's page.
   *
   * @param request with steps, the file in which the build noted them
   * @param result null when it failed
   * @param problem the sentence by which it failed
   * @param failure what is known of a failure, as JSON: maybe of an earlier one
   */
  @NonCPS
  static Map page(Map request, Object result, String problem, String failure) {
    List images = request.images instanceof List ? (List) request.images : [request]
    Object first = images.isEmpty() ? null : images.get(0)
    String image = first instanceof Map && first.image != null ? first.image.toString() : 'an image'
    Map asked = [
      image: image,
      folder: 'podwright-report-' + image.replaceAll('[^A-Za-z0-9.]+', '-'),
      log: request.steps,
    ]
    if (problem != null) {
      Map known = failure == null ? null : parse(failure)
      boolean same = known != null && known.sentence && problem.contains(known.sentence.toString())
      asked.failure = same ? known : [sentence: problem]
      return asked
    }
    return asked + [
      result: result, layers: true, credentials: request.credentials,
      registries: request.registries,
    ]
  }

  /** Returns the request of a turn around a build, with what it takes of the image's result. */
  @NonCPS
  static Map taken(Map turn, Object result) {
    Map given = [:] + (Map) turn.request
    if (turn.take != null) {
      Map image = imageOf(turn, result)
      for (Object pair : ((Map) turn.take).entrySet()) {
        if (image.containsKey(pair.value)) {
          given.put(pair.key, image.get(pair.value))
        }
      }
    }
    return given
  }

  /** Puts what a turn gave into the result of its image. */
  @NonCPS
  static void put(Map turn, Object result, Object made) {
    if (turn.of != null && turn.into) {
      imageOf(turn, result).put(turn.into, made)
    } else if (turn.of != null) {
      imageOf(turn, result).putAll((Map) made)
    }
  }

  /** Returns a request as JSON. */
  @NonCPS
  static String toJson(Map request) {
    return JsonOutput.toJson((Map) copy(request))
  }

  /** Tells whether a request has other keys than one. */
  @NonCPS
  static boolean hasMoreThan(String key, Map request) {
    for (Object other : request.keySet()) {
      if (other != key) {
        return true
      }
    }
    return false
  }

  /** Returns what is shown in Jenkins instead of the script: the step and its image. */
  @NonCPS
  static String label(String step, Map request) {
    String text = step + (request.image == null ? '' : ' ' + request.image)
    String printable = text.replaceAll('[^\\x20-\\x7e]', '?')
    return printable.substring(0, Math.min(LONGEST_LABEL, printable.length()))
  }

  /** Returns a sentence with the name of its step in front. */
  @NonCPS
  static String named(String step, String sentence) {
    return sentence.startsWith(step + ': ') ? sentence : step + ': ' + sentence
  }

  /** Returns what a script has answered, as plain maps and lists; null unless it is an object. */
  @NonCPS
  static Map parse(String text) {
    try {
      Object parsed = new JsonSlurper().parseText(text)
      return parsed instanceof Map ? (Map) copy(parsed) : null
    } catch (Exception e) {
      return null
    }
  }

  @NonCPS
  private static Map imageOf(Map turn, Object result) {
    return result instanceof List ? (Map) ((List) result).get((int) turn.of) : (Map) result
  }

  @NonCPS
  private static List given(Map image, List known) {
    List found = []
    for (Object name : known) {
      if (image.get(name)) {
        found.add(name)
      }
    }
    return found
  }

  @NonCPS
  private static String typeIn(String message) {
    return message.replaceFirst("(?s).* is of type ('[^']*').*", '$1')
  }

  /** Returns a deep copy out of what JSON knows; anything else becomes its String. */
  @NonCPS
  private static Object copy(Object value) {
    if (value instanceof Map) {
      Map result = [:]
      for (Object entry : ((Map) value).entrySet()) {
        result.put(entry.key.toString(), copy(entry.value))
      }
      return result
    }
    if (value instanceof Collection) {
      List result = []
      for (Object item : (Collection) value) {
        result.add(copy(item))
      }
      return result
    }
    boolean plain = value == null || value instanceof Number || value instanceof Boolean
    return plain ? value : value.toString()
  }

  @NonCPS
  private static void bindSections(Map request, List bindings) {
    if (request.credentials != null) {
      request.credentials = shorthand(request.credentials)
    }
    bindAll(request.credentials, [type: 'usernamePassword', parameter: 'credentials'], bindings)
    bindAll(request.secrets, [type: 'string', parameter: 'secrets'], bindings)
    bindAll(request.ssh, [type: 'sshUserPrivateKey', parameter: 'ssh'], bindings)
    bindSigner(request, bindings)
  }

  /** Finds the credentials of who signs; a String is short for a map with just that id. */
  @NonCPS
  private static void bindSigner(Map request, List bindings) {
    if (request.sign instanceof String) {
      request.sign = [key: request.sign]
    }
    if (request.sign instanceof Map) {
      for (Object part : [key: 'file', password: 'string', token: 'string'].entrySet()) {
        request.sign[part.key] = shorthand(request.sign[part.key])
        bindAll(request.sign[part.key], [type: part.value, parameter: 'sign'], bindings)
      }
    }
  }

  /** A String in credentials is short for a map with just that id. */
  @NonCPS
  private static Object shorthand(Object credentials) {
    if (credentials instanceof String) {
      return [credentialsId: credentials]
    }
    if (credentials instanceof List) {
      List result = []
      for (Object item : (List) credentials) {
        result.add(item instanceof String ? [credentialsId: item] : item)
      }
      return result
    }
    return credentials
  }

  /** Finds the maps with a credentialsId at any depth of a section. */
  @NonCPS
  private static void bindAll(Object section, Map defaults, List bindings) {
    if (section instanceof List) {
      for (Object item : (List) section) {
        bindAll(item, defaults, bindings)
      }
    } else if (section instanceof Map) {
      Map map = (Map) section
      if (map.credentialsId instanceof String) {
        bind(map, defaults, bindings)
      } else {
        for (Object item : map.values()) {
          bindAll(item, defaults, bindings)
        }
      }
    }
  }

  /** Names the variable of a credential: one for each id and type. */
  @NonCPS
  private static void bind(Map map, Map defaults, List bindings) {
    Object type = map.type == null ? defaults.type : map.type
    if (!NEEDED.containsKey(type)) {
      return
    }
    for (Object known : bindings) {
      if (known.credentialsId == map.credentialsId && known.type == type) {
        map.variable = known.variable
        return
      }
    }
    map.variable = 'PODWRIGHT_' + (bindings.size() + 1)
    bindings.add(defaults + [
      type: type, credentialsId: map.credentialsId, variable: map.variable,
    ])
  }
}
