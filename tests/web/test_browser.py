"""The page in a real browser, over a real graph. The tests run in order on one body."""

import math

WAIT = 90_000


def position(page):
    return page.evaluate("[...kinesis.frame().root]")


def reply(page):
    return page.get_by_role("status", name="Reply of the body").inner_text()


def on_its_feet(page):
    """Put the body back to the start, armed, with nothing to do."""
    page.get_by_role("button", name="Restart").click()
    page.wait_for_function("kinesis.status.state === 'active' && !kinesis.frame().fallen && Math.hypot(kinesis.frame().root[0], kinesis.frame().root[1]) < 0.3")


def among(page, group, name):
    """A button of a part of the panel; the box that says what to do next may have one of the same name."""
    return page.get_by_role("group", name=group).get_by_role("button", name=name, exact=True)


def say(page, text):
    page.get_by_role("textbox", name="Say what the body should do").fill(text)
    page.get_by_role("button", name="Say").click()


def test_the_body_is_drawn_and_moves(page):
    before = page.evaluate("({ time: kinesis.frame().time, seq: kinesis.frame().seq })")
    page.wait_for_function(f"kinesis.frame().time > {before['time']} + 0.2 && kinesis.frame().seq > {before['seq']}")
    assert "legs80 · 80 muscles" in page.locator("header").inner_text()
    # Bones are drawn where they must be: a picture of the canvas holds bone-coloured pixels around its middle.
    pale = page.evaluate(
        """async () => {
            const renderer = kinesis.renderer(), gl = renderer.gl, { width, height } = gl.canvas;
            renderer.paint(kinesis.camera);
            const pixels = new Uint8Array(4 * width * height);
            gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
            let count = 0;
            for (let i = 0; i < pixels.length; i += 4) count += pixels[i] > 110 && pixels[i + 1] > 100 && pixels[i + 2] > 80 && pixels[i] > pixels[i + 2];
            return count / (width * height);
        }"""
    )
    assert 0.002 < pale < 0.3


def test_words_make_it_walk_and_the_reply_is_shown(page):
    on_its_feet(page)
    say(page, "walk forward")
    page.wait_for_function("document.querySelector('#reply').textContent.includes('walk')")
    page.wait_for_function("kinesis.frame().root[0] > 0.5", timeout=WAIT)
    assert page.locator("#mode").inner_text() == "walk"
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function("Math.abs(kinesis.frame().velocity[0]) < 0.15")


def test_any_text_gets_an_answer(page):
    for text in ("<script>alert(1)</script>", "🕺💥", "'; DROP TABLE muscles; --"):
        say(page, text)
        page.wait_for_function("document.querySelector('#reply').textContent !== '…'")
        assert page.locator("#reply script").count() == 0
    assert page.evaluate("kinesis.status.problem") == ""


def test_a_click_on_the_floor_is_a_goal_and_a_drag_its_heading(page):
    on_its_feet(page)
    # Every goal that is told is kept, for one that is near is reached, and gone, before a slow test looks.
    page.evaluate(
        """() => {
            const show = K.Guide.prototype.show;
            window.goals = [];
            K.Guide.prototype.show = function (status, fallen) { if (status.goal) window.goals.push(status.goal); show.call(this, status, fallen); };
        }"""
    )
    box = page.locator("#view").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.9 * box["height"])
    page.wait_for_function("goals.some(goal => goal[2] === null)")
    x, y, _ = page.evaluate("goals.find(goal => goal[2] === null)")
    assert 0.3 < math.hypot(x, y) < 6.0
    page.get_by_role("button", name="Place a goal").click()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.85 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.85 * box["width"], box["y"] + 0.85 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_function("goals.some(goal => goal[2] !== null)")
    assert page.get_by_role("button", name="Place a goal").get_attribute("aria-pressed") == "false"


def test_a_click_on_the_sky_is_refused(page):
    box = page.locator("#view").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.12 * box["height"])
    page.get_by_text("beyond the floor").wait_for()


def test_a_held_key_drives_and_lost_focus_lets_go(page):
    on_its_feet(page)
    page.locator("#view").focus()
    page.keyboard.down("ArrowUp")
    page.wait_for_function("kinesis.status.mode === 'velocity'")
    page.wait_for_function("kinesis.frame().velocity[0] > 0.3")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    page.wait_for_function("kinesis.frame().velocity[0] < 0.15")
    page.keyboard.up("ArrowUp")


def test_keys_in_the_text_box_do_not_drive(page):
    on_its_feet(page)
    page.get_by_role("textbox", name="Say what the body should do").focus()
    page.evaluate(
        "window.sent = 0; { const send = WebSocket.prototype.send; WebSocket.prototype.send = function (t) { window.sent++; send.call(this, t); }; } 0"
    )
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("window.sent") == 0


def test_a_closed_page_leaves_no_velocity_and_gives_control_back(page, chromium, graph, open_page):
    on_its_feet(page)
    with chromium.new_context(bypass_csp=True) as context:
        other = context.new_page()
        other.set_default_timeout(WAIT)
        open_page(other, graph.url)
        other.wait_for_function("window.kinesis && kinesis.status && kinesis.status.held && kinesis.renderer()")
        other.evaluate("kinesis.renderer().ready = () => false; 0")
        other.get_by_text("This page watches: another one steers.").wait_for()
        say(other, "walk")
        other.locator("#notes p.bad", has_text="another page steers").wait_for()
        page.locator("#view").focus()
        page.keyboard.down("ArrowUp")
        page.wait_for_function("kinesis.frame().velocity[0] > 0.3")
        page.close()
        other.wait_for_function("!kinesis.status.held")
        other.wait_for_function("kinesis.frame() && kinesis.frame().velocity[0] < 0.15")


def test_everybody_may_stop_and_reset_and_arm_are_two_steps(page):
    on_its_feet(page)
    page.keyboard.press("Escape")
    page.wait_for_function("kinesis.status.state === 'e-stopped'")
    assert page.get_by_role("status", name="State of the body").inner_text() == "e-stopped"
    among(page, "Power", "Arm").click()
    page.locator("#notes p.bad").first.wait_for()
    assert page.evaluate("kinesis.status.state") == "e-stopped"
    among(page, "Power", "Reset").click()
    page.wait_for_function("kinesis.status.state === 'disarmed'")
    # Without power it has fallen, and a body that lies there is not armed; held still, it can be put on its feet.
    among(page, "Simulation", "Pause").click()
    page.wait_for_function("kinesis.status.paused")
    page.get_by_role("button", name="Restart").click()
    page.wait_for_function("!kinesis.frame().fallen")
    among(page, "Power", "Arm").click()
    page.wait_for_function("['armed', 'active'].includes(kinesis.status.state)")
    among(page, "Simulation", "Go on").click()
    page.wait_for_function("kinesis.status.state === 'active'")
    page.get_by_role("tab", name="About").click()
    assert "Reset and Arm" in page.get_by_role("list", name="Faults").inner_text()


def test_pause_step_and_push(page):
    on_its_feet(page)
    among(page, "Simulation", "Pause").click()
    page.wait_for_function("kinesis.status.paused")
    seq = page.evaluate("kinesis.frame().seq")
    page.get_by_role("button", name="Step", exact=True).click()
    page.wait_for_function(f"kinesis.frame().seq === {seq} + 1")
    among(page, "Simulation", "Go on").click()
    page.wait_for_function(f"!kinesis.status.paused && kinesis.frame().seq > {seq} + 3")
    page.get_by_role("button", name="Push to the left").click()
    page.get_by_text("push: pushing for 0.2 s").wait_for()


def test_the_box_over_the_picture_leads_back_to_a_standing_body(page):
    on_its_feet(page)
    guide = page.get_by_role("status", name="What to do next")
    page.get_by_role("button", name="Emergency stop").click()
    for step, state in (("Reset", "disarmed"), ("Put it on its feet", "disarmed"), ("Arm", "armed"), ("Go on", "active")):
        guide.get_by_role("button", name=step).click()
        page.wait_for_function(f"['{state}', 'active'].includes(kinesis.status.state)")
    page.wait_for_function("kinesis.status.state === 'active' && !kinesis.frame().fallen")
    guide.wait_for(state="hidden")


def test_lock_step_keeps_its_own_pace(page):
    page.wait_for_function("kinesis.status.clock === 'lockstep'")
    assert page.get_by_role("combobox", name="Speed of time").is_disabled()


def test_a_muscle_is_found_highlighted_and_plotted(page):
    page.get_by_role("tab", name="Muscles").click()
    page.get_by_role("searchbox", name="Search a muscle by name").fill("soleus")
    page.get_by_text("2 of 80 muscles found").wait_for()
    page.get_by_role("button", name="soleus_r").click()
    assert page.evaluate("[...kinesis.renderer().chosen].map(m => kinesis.scene().muscles[m])") == ["soleus_r"]
    page.get_by_role("tab", name="Plots").click()
    page.wait_for_function("document.querySelector('#plot-muscles').textContent === 'soleus_r'")


def test_every_control_has_a_name(page):
    for tab in ("Drive", "Muscles", "Plots", "About"):
        page.get_by_role("tab", name=tab).click()
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, input, select, canvas")].filter(e => e.offsetParent && e.getAttribute("aria-hidden") !== "true")
                .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML)"""
        )
        assert nameless == []


def test_a_phone_shows_the_body_the_stop_and_the_controls(page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    stop = page.get_by_role("button", name="Emergency stop")
    page.mouse.move(200, 700)
    page.mouse.wheel(0, 3000)
    page.wait_for_function("scrollY > 50")
    box = stop.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 100 and box["x"] + box["width"] <= 390
    assert page.locator("#view").bounding_box()["height"] > 250
    small = page.evaluate("[...document.querySelectorAll('#page-drive button')].filter(e => e.offsetParent && e.offsetHeight < 40).length")
    assert small == 0


def test_a_dead_simulator_is_said(page, graph):
    """Last: nothing moves after it."""
    assert graph.end() == 130
    page.get_by_text("No connection: the viewer has ended").wait_for()
