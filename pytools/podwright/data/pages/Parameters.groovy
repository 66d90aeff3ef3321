package podwright

/** The names of parameters; generated from request.py, `make generate` renews it. */
class Parameters implements Serializable {
  private static final long serialVersionUID = 1L

  static final Map NAMES = [
@names@
  ]
}
