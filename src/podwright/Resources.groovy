package podwright

/** The resources of the loaded libraries: the presets of this one, or of an organisation's. */
class Resources implements Serializable {
  private static final long serialVersionUID = 1L
  static final String OWN = 'podwright'

  private final Object steps

  /** @param steps the script that was called */
  Resources(Object steps) {
    this.steps = steps
  }

  /** Returns the folder of the presets among the resources of the loaded libraries. */
  String folder() {
    return (steps.env.PODWRIGHT_RESOURCES ?: OWN) + '/pods/'
  }

  /** Says why there is no preset for a builder. */
  String withoutPreset(String name) {
    String allowed = text(folder() + 'names.txt')
    if (allowed == null) {
      return ("no loaded library has presets in resources/${folder()}; load the one that has them, "
        + 'or correct PODWRIGHT_RESOURCES.')
    }
    String known = text(OWN + '/pods/names.txt')
    String owner = text(folder() + 'owner.txt')
    return Requests.withoutPreset(name, allowed.trim(), known == null ? '' : known.trim(),
      owner == null ? '' : owner.trim())
  }

  /** Returns a text of the loaded libraries, or null when none has it. */
  String text(String path) {
    try {
      return steps.libraryResource(resource: path, encoding: 'UTF-8')
    } catch (Exception e) {
      if (e.message == null || !e.message.startsWith('No such library resource')) {
        throw e
      }
      return null
    }
  }
}
