package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '267d5fae7d83d32328bb1ea1232e8a77561ed568642d27ae82b5d7cc09dbeb37'
  static final String JOBS_SUM = 'd5bda932e03874c110c8b536a4c25b5b7fd9c772cb64da8631cd50acca8a73d2'

  private static final long serialVersionUID = 1L
}
